"""Bytes to pixels and back: the only door for picture files, and the only importer of Pillow.

Whatever arrives ends as RGB uint8 (height, width, 3), upright, in sRGB as far as its colour profile tells; or as an
`ImageRejected` with a machine code and a sentence for people.
"""

import io
import logging
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from mlcore.records import Pixels

logger = logging.getLogger(__name__)

MIN_SIDE: Final = 64
MAX_PIXELS: Final = 100_000_000
# A phone's MPO is opened as a JPEG.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
RENDITION_SIDE: Final = 1600
RENDITION_QUALITY: Final = 88

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns above this many pixels and refuses twice as many; at our own limit its warning only
# ever concerns what `decode` refuses anyway.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Registers all of FORMATS, which `Image.open` insists on.
Image.init()


class ImageRejected(Exception):
    """A file that can't be used as a picture. `code` is for machines, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = message


@dataclass(frozen=True, slots=True)
class Rendered:
    """An encoded JPEG without any metadata, and its size in pixels."""

    data: bytes
    width: int
    height: int


def decode(data: bytes) -> Pixels:
    """Decode a picture file to upright RGB pixels.

    Raises ImageRejected with code empty, not_an_image, too_large, too_small, animated, unsupported or corrupt.
    The size is checked from the header, before any pixel is decoded.
    """
    if not data:
        raise ImageRejected("empty", "The file is empty.")
    picture = _open(data)
    with picture:
        _check_header(picture)
        try:
            picture.load()
            rgb = _to_rgb(_to_srgb(picture))
        except ImageRejected:
            raise
        # Decoders fed with hostile or broken bytes raise almost anything; all of it means the same to the caller.
        except Exception as error:
            raise ImageRejected("corrupt", "The file is damaged or cut off, so it can't be decoded.") from error
        upright = _UPRIGHT.get(_orientation(picture))
    if upright is not None:
        rgb = rgb.transpose(upright)
    return np.array(rgb, dtype=np.uint8)


def render(rgb: Pixels, max_side: int = RENDITION_SIDE, quality: int = RENDITION_QUALITY) -> Rendered:
    """The display rendition: a baseline 4:2:0 JPEG with no metadata, at most `max_side` pixels long, never enlarged."""
    height, width = rgb.shape[:2]
    scale = max_side / max(height, width)
    if scale < 1:
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_PROGRESSIVE,
        0,
        cv2.IMWRITE_JPEG_OPTIMIZE,
        0,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ImageRejected("unsupported", "The picture could not be encoded for display.")
    return Rendered(encoded.tobytes(), width, height)


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise ImageRejected("not_an_image", "The file is not a JPEG, PNG, WebP, TIFF, BMP or GIF picture.") from error
    # As in `decode`: a header parser may fail in any way on hostile bytes.
    except Exception as error:
        raise ImageRejected("corrupt", "The file's header is damaged.") from error


def _too_large() -> ImageRejected:
    return ImageRejected("too_large", f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels.")


def _check_header(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large()
    if min(width, height) < MIN_SIDE:
        raise ImageRejected(
            "too_small", f"The picture is {width} × {height} pixels; each side needs at least {MIN_SIDE}."
        )
    # A phone's MPO holds further views of the same scene beside the photograph; the first is the photograph.
    if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
        raise ImageRejected("animated", "The file holds several pictures (an animation or pages); send a single one.")


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    # A broken EXIF block must not cost us a sound picture: it is then taken as upright.
    except Exception:  # noqa: BLE001
        logger.info("unreadable EXIF block; the picture is taken as upright")
        return 1


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Convert wide-gamut RGB (such as the P3 of phones) to sRGB, since the rendition carries no profile."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode != "RGB":
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return picture
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        logger.info("unusable colour profile; the pixels are taken as sRGB")
        return picture
    return converted if converted is not None else picture


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I"):
        return _from_deep_grey(np.asarray(picture))
    if picture.mode == "F":
        raise ImageRejected("unsupported", "Pictures with floating-point pixels are not supported.")
    if "A" in picture.getbands() or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGB", layered.size, (255, 255, 255))
        white.paste(layered, mask=layered.getchannel("A"))
        return white
    return picture.convert("RGB")


def _from_deep_grey(values: np.ndarray) -> Image.Image:
    """Grey values of 16 bits (0 … 65535) to eight."""
    grey = np.clip(values.astype(np.int64), 0, 65535) // 257
    return Image.fromarray(grey.astype(np.uint8), mode="L").convert("RGB")
