"""Pictures as they come in and should not, or seldom: each as the bytes of a file."""

import io
from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mlcore.tests.pictures import encoded, frontal_face, scene

ORIENTATION: Final = 0x0112


def corrupt() -> bytes:
    whole = encoded(frontal_face().pixels, "JPEG")
    return whole[: len(whole) // 3]


def scrambled() -> bytes:
    """A JPEG whose compressed data were overwritten in the middle."""
    whole = bytearray(encoded(frontal_face().pixels, "JPEG"))
    noise = np.random.default_rng(5).integers(0, 256, len(whole) // 4, dtype=np.uint8).tobytes()
    whole[len(whole) // 2 : len(whole) // 2 + len(noise)] = noise
    return bytes(whole)


def tiny() -> bytes:
    return encoded(scene(32, 32))


def huge() -> bytes:
    """200 megapixels in a small file."""
    return encoded(Image.new("1", (20_000, 10_000)))


def greyscale() -> bytes:
    return encoded(_face().convert("L"), "JPEG")


def cmyk() -> bytes:
    return encoded(_face().convert("CMYK"), "JPEG")


def deep_grey() -> bytes:
    """16 bits of grey."""
    grey = np.asarray(_face().convert("L"), dtype=np.uint16) * 257
    return encoded(Image.fromarray(grey))


def deep_colour() -> bytes:
    """16 bits for each of red, green and blue."""
    deep = frontal_face().pixels[:, :, ::-1].astype(np.uint16) * 257
    done, data = cv2.imencode(".png", deep)
    assert done
    return data.tobytes()


def alpha() -> bytes:
    """A face that is cut out: transparent in the corners."""
    face = _face()
    mask = Image.new("L", face.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, *face.size), fill=255)
    face.putalpha(mask)
    return encoded(face)


def turned() -> bytes:
    """Lying on its side, with the EXIF tag that says so."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    out = io.BytesIO()
    _face().transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def landscape() -> bytes:
    """No face: hills under a sky."""
    picture = Image.new("RGB", (640, 480), (110, 160, 220))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 480), (0, 300), (200, 180), (420, 330), (640, 240), (640, 480)], fill=(40, 110, 50))
    return encoded(picture, "JPEG")


def ten_faces() -> bytes:
    """One face at full size and nine at half of it."""
    face = _face()
    width, height = face.size
    crowd = Image.new("RGB", (width * 3, height * 2), (90, 90, 90))
    small = face.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    places = [(x, y) for y in range(4) for x in range(6)]
    for x, y in [place for place in places if place[0] < 4][:9]:
        crowd.paste(small, (x * width // 2, y * height // 2))
    crowd.paste(face, (width * 2, 0))
    return encoded(crowd, "JPEG", quality=95)


def cartoon() -> bytes:
    """A yellow face of flat colours and black lines."""
    picture = Image.new("RGB", (480, 480), (120, 200, 255))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((80, 60, 400, 420), fill=(255, 221, 51), outline=(0, 0, 0), width=6)
    for x in (160, 270):
        draw.ellipse((x, 150, x + 60, 230), fill=(255, 255, 255), outline=(0, 0, 0), width=5)
        draw.ellipse((x + 22, 180, x + 40, 205), fill=(0, 0, 0))
    draw.arc((160, 230, 320, 350), 20, 160, fill=(0, 0, 0), width=6)
    return encoded(picture)


def black() -> bytes:
    return encoded(Image.new("RGB", (640, 480)), "JPEG")


def white() -> bytes:
    return encoded(Image.new("RGB", (640, 480), (255, 255, 255)), "JPEG")


def noise() -> bytes:
    return encoded(np.random.default_rng(1).integers(0, 256, (400, 400, 3), dtype=np.uint8))


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.fromarray(scene(100, 100, seed)) for seed in (1, 2)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _face() -> Image.Image:
    return Image.fromarray(frontal_face().pixels)


# What can't be used, with the code of its refusal.
REFUSED: Final[Mapping[str, tuple[Callable[[], bytes], str]]] = {
    "no bytes": (lambda: b"", "empty"),
    "a text": (lambda: b"hello", "not_an_image"),
    "corrupt": (corrupt, "corrupt"),
    "tiny": (tiny, "too_small"),
    "huge": (huge, "too_large"),
    "animated": (animated, "animated"),
    "no face": (landscape, "no_face"),
    "a cartoon": (cartoon, "no_face"),
    "a black frame": (black, "no_face"),
    "a white frame": (white, "no_face"),
    "noise": (noise, "no_face"),
}
# A face all the same, in an odd file.
ODD: Final[Mapping[str, Callable[[], bytes]]] = {
    "greyscale": greyscale,
    "CMYK": cmyk,
    "16 bits of grey": deep_grey,
    "16 bits of colour": deep_colour,
    "alpha": alpha,
    "rotated by EXIF": turned,
}
