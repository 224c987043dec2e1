"""Bytes to pixels and back: the only door for picture files, and the only importer of Pillow.

Whatever arrives ends as RGB uint8 (height, width, 3), upright, in sRGB as far as its colour profile tells; or as an
`ImageRejected` with a machine code, a sentence for people, and what they can do about it.
"""

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from mlcore.records import Pixels

logger = logging.getLogger(__name__)

MIN_SIDE: Final = 64
MAX_PIXELS: Final = 100_000_000
# A phone's MPO is opened as a JPEG.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF")
RENDITION_SIDE: Final = 1600
RENDITION_QUALITY: Final = 88

_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final[Mapping[int, int]] = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIPS: Final[Mapping[int, int]] = {2: 1, 4: 0, 7: -1}
_ROWS: Final = 256
# Where a file of the HEIF family says what it is, and those of its kinds that are sequences.
_HEIF_BRAND: Final = slice(4, 12)
_HEIF_SEQUENCES: Final = {b"ftyp" + brand for brand in (b"msf1", b"hevc", b"hevx", b"hevm", b"hevs")}

_REMEDIES: Final[Mapping[str, str]] = {
    "empty": "Copy the file again from where it came from.",
    "not_an_image": "Save the picture as JPEG, and import that.",
    "too_large": "Save a smaller copy, and import that.",
    "too_small": "Import the original instead of a thumbnail.",
    "animated": "Save the one picture that is meant as a file of its own.",
    "unsupported": "Save the picture as JPEG or as a PNG of 8 bits, and import that.",
    "corrupt": "Copy the file again from where it came from; if that one doesn't open either, it is lost.",
}

# Pillow warns above this many pixels and refuses twice as many; at our own limit its warning only
# ever concerns what `decode` refuses anyway.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# What phones write by default. Depth maps and thumbnails beside the picture are not looked at.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
# Registers all of FORMATS, which `Image.open` insists on.
Image.init()


class ImageRejected(Exception):
    """A file that can't be used as a picture. `code` is for machines; `reason` and `remedy` are for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.remedy = _REMEDIES[code]


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
        _check_header(picture, data)
        try:
            pixels = _plain_jpeg(picture, data)
            if pixels is None:
                picture.load()
                _check_size(*picture.size)  # a HEIF's header may have told another size
                pixels = np.array(_to_rgb(_to_srgb(picture)), dtype=np.uint8)
        except ImageRejected:
            raise
        # Decoders fed with hostile or broken bytes raise almost anything; all of it means the same to the caller.
        except Exception as error:
            raise ImageRejected("corrupt", "The file is damaged or cut off, so it can't be decoded.") from error
        return _upright(pixels, _orientation(picture))


def shrink(rgb: Pixels, max_side: int) -> Pixels:
    """The picture at most `max_side` pixels long, each pixel the mean of those that it stands for; never enlarged."""
    height, width = rgb.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def render(rgb: Pixels, max_side: int = RENDITION_SIDE, quality: int = RENDITION_QUALITY) -> Rendered:
    """The display rendition: a baseline 4:2:0 JPEG with no metadata, at most `max_side` pixels long, never enlarged."""
    shown = shrink(rgb, max_side)
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
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ImageRejected("unsupported", "The picture could not be encoded for display.")
    return Rendered(encoded.tobytes(), width=shown.shape[1], height=shown.shape[0])


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        reason = "The file is not a JPEG, HEIC, PNG, WebP, TIFF, BMP or GIF picture."
        raise ImageRejected("not_an_image", reason) from error
    # As in `decode`: a header parser may fail in any way on hostile bytes.
    except Exception as error:
        raise ImageRejected("corrupt", "The file's header is damaged.") from error


def _too_large() -> ImageRejected:
    return ImageRejected("too_large", f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels.")


def _check_header(picture: Image.Image, data: bytes) -> None:
    width, height = picture.size
    _check_size(width, height)
    if min(width, height) < MIN_SIDE:
        raise ImageRejected(
            "too_small", f"The picture is {width} × {height} pixels; each side needs at least {MIN_SIDE}."
        )
    if _holds_several(picture, data):
        raise ImageRejected("animated", "The file holds several pictures (an animation, a burst or pages).")


def _holds_several(picture: Image.Image, data: bytes) -> bool:
    # A phone's MPO or HEIC holds further views of the same scene beside the photograph, and says which that is.
    if picture.format == "HEIF":
        return data[_HEIF_BRAND] in _HEIF_SEQUENCES
    if picture.format == "MPO":
        return False
    try:
        return _has_second_page(picture) if picture.format == "TIFF" else getattr(picture, "n_frames", 1) > 1
    # It looks for further pictures, whose headers may be damaged in any way.
    except Exception as error:
        raise ImageRejected("corrupt", "The file's header is damaged.") from error


def _has_second_page(picture: Image.Image) -> bool:
    """Whether a TIFF goes on. To count its pages, Pillow takes time that grows with their square."""
    try:
        picture.seek(1)
    except EOFError:
        return False
    return True


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large()


def _plain_jpeg(picture: Image.Image, data: bytes) -> Pixels | None:
    """An ordinary RGB JPEG, by OpenCV: the same pixels as by Pillow in half the time. None for all else.

    OpenCV refuses what is cut off, as Pillow does; Pillow then says so.
    """
    if picture.format not in {"JPEG", "MPO"} or picture.mode != "RGB" or _foreign_profile(picture) is not None:
        return None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if found is None or found.shape != (picture.height, picture.width, 3):
        return None
    return np.asarray(found, dtype=np.uint8)


def _upright(rgb: Pixels, orientation: int) -> Pixels:
    """Undo what EXIF's orientation (1 … 8) says was done."""
    if orientation in (5, 7):
        rgb = np.asarray(cv2.transpose(rgb), dtype=np.uint8)
    turn = _TURNS.get(orientation)
    flip = _FLIPS.get(orientation)
    if turn is not None:
        rgb = np.asarray(cv2.rotate(rgb, turn), dtype=np.uint8)
    if flip is not None:
        rgb = np.asarray(cv2.flip(rgb, flip), dtype=np.uint8)
    return rgb


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    # A broken EXIF block must not cost us a sound picture: it is then taken as upright.
    except Exception:  # noqa: BLE001
        logger.info("unreadable EXIF block; the picture is taken as upright")
        return 1


def _foreign_profile(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The colour profile of an RGB picture, where it has a usable one that is not sRGB."""
    data = picture.info.get("icc_profile")
    if not data or picture.mode != "RGB":
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        return None if "sRGB" in ImageCms.getProfileDescription(profile) else profile
    except (ImageCms.PyCMSError, OSError, ValueError):
        logger.info("unusable colour profile; the pixels are taken as sRGB")
        return None


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Convert wide-gamut RGB (such as the P3 of phones) to sRGB, since the rendition carries no profile."""
    profile = _foreign_profile(picture)
    if profile is None:
        return picture
    try:
        converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"))
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
    grey = np.empty(values.shape, dtype=np.uint8)
    # Some rows at a time: a copy of the whole in wide numbers would be the largest thing in memory.
    for top in range(0, len(values), _ROWS):
        grey[top : top + _ROWS] = np.clip(values[top : top + _ROWS], 0, 65535) // 257
    return Image.fromarray(grey, mode="L").convert("RGB")
