"""A JPEG's structure in figures: its markers, tables and sizes, what follows its end, and how its bytes are spread."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

_START, _SCAN, _END = 0xD8, 0xDA, b"\xff\xd9"
_QUANTISATION, _HUFFMAN = 0xDB, 0xC4
_BINS = 8
BUCKETS = 16


def figures(data: bytes) -> dict[str, float]:
    """By name; a file that is no JPEG has its length alone."""
    found: dict[str, float] = {"bytes": len(data)}
    if not data.startswith(b"\xff\xd8"):
        return found
    segments = list(_segments(data))
    scan = segments[-1][1] if segments else 2
    end = data.find(_END, scan)
    inner, behind = data[scan : end if end >= 0 else len(data)], data[end + 2 :] if end >= 0 else b""
    found |= {"segments": len(segments), "head": scan, "scan": len(inner), "behind": len(behind)}
    found |= _tables(data, segments)
    found |= {f"scan {name}": value for name, value in _spread(inner).items()}
    found |= {f"behind {name}": value for name, value in _spread(behind).items()}
    return found | _pixels(data)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, and where its content begins and ends, up to the first scan's."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        yield data[place + 1], place + 4, place + 2 + size
        if data[place + 1] == _SCAN:
            return
        place += 2 + size


def _tables(data: bytes, segments: list[tuple[int, int, int]]) -> dict[str, float]:
    """Sizes of the picture, means of the tables, and in which of a few buckets the whole of each kind falls."""
    found: dict[str, float] = {"markers": _bucket(bytes(marker for marker, _, _ in segments))}
    for marker, begin, end in segments:
        content = data[begin:end]
        found[f"segment {marker:02x}"] = found.get(f"segment {marker:02x}", 0) + len(content)
        if marker in (_QUANTISATION, _HUFFMAN):
            name = f"table {marker:02x}"
            found[f"{name} mean"] = found.get(f"{name} mean", 0) + float(np.mean(list(content)))
            found[name] = (found.get(name, 0) + _bucket(content)) % BUCKETS
        if 0xC0 <= marker <= 0xCF and marker != _HUFFMAN and len(content) >= 8:
            found["height"] = int.from_bytes(content[1:3], "big")
            found["width"] = int.from_bytes(content[3:5], "big")
            found["sampling"] = content[7]
    return found


def _bucket(content: bytes) -> int:
    return zlib.crc32(content) % BUCKETS


def _spread(content: bytes) -> dict[str, float]:
    if not content:
        return {}
    counts: NDArray[np.int64] = np.bincount(np.frombuffer(content, np.uint8), minlength=256)
    shares = counts[counts > 0] / len(content)
    coarse = counts.reshape(_BINS, -1).sum(axis=1) / len(content)
    return {"entropy": float(-(shares * np.log2(shares)).sum())} | {f"bin {n}": float(x) for n, x in enumerate(coarse)}


def _pixels(data: bytes) -> dict[str, float]:
    """Light and contrast of the picture at an eighth of its size."""
    small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return {} if small is None else {"light": float(small.mean()), "contrast": float(small.std())}
