import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from mlcore.images import MAX_PIXELS, ImageRejected, decode, render
from mlcore.tests.pictures import encoded, scene


def refusal(data: bytes) -> str:
    with pytest.raises(ImageRejected) as caught:
        decode(data)
    assert caught.value.reason
    return caught.value.code


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(orientation: int) -> None:
    upright = scene()
    turned_back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = Image.fromarray(upright)
    if turned_back is not None:
        stored = stored.transpose(turned_back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode(encoded(stored, "PNG", exif=exif)), upright)


def test_every_kind_of_pixel_becomes_rgb() -> None:
    rgb = Image.fromarray(scene())
    for mode in ("L", "1", "P", "LA", "RGBA", "CMYK", "YCbCr"):
        kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
        pixels = decode(encoded(rgb.convert(mode), kind))
        assert pixels.shape == (120, 160, 3)
        assert pixels.dtype == np.uint8
        assert pixels.flags.writeable
    cmyk = decode(encoded(rgb.convert("CMYK"), "JPEG", quality=95))
    assert np.abs(cmyk.astype(int) - np.asarray(rgb).astype(int)).mean() < 6


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 100 * 80).reshape(80, 100).astype(np.uint16)
    pixels = decode(encoded(Image.fromarray(ramp), "PNG"))
    assert np.array_equal(pixels[..., 0], ramp // 257)


def test_transparency_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    assert decode(encoded(clear)).min() == 255


def test_wide_gamut_colours_are_brought_to_srgb() -> None:
    rgb = Image.fromarray(scene())
    plain = encoded(rgb, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert np.array_equal(decode(plain), np.asarray(rgb))
    assert np.array_equal(decode(encoded(rgb, "PNG", icc_profile=b"no profile at all")), np.asarray(rgb))


def test_bad_files_are_rejected_with_their_reason() -> None:
    jpeg = encoded(scene(), "JPEG")
    assert refusal(b"") == "empty"
    assert refusal(b"<html>not a picture</html>") == "not_an_image"
    assert refusal(b'<svg xmlns="http://www.w3.org/2000/svg"/>') == "not_an_image"
    assert refusal(jpeg[: len(jpeg) // 2]) == "corrupt"
    assert refusal(encoded(scene())[:2000]) == "corrupt"
    assert refusal(encoded(scene(32, 32))) == "too_small"
    assert refusal(encoded(Image.new("F", (80, 80)), "TIFF")) == "unsupported"
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(2)]
    assert refusal(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])) == "animated"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    # A PNG header that announces 200 megapixels, and no pixels: decoding it would fail differently.
    header = struct.pack(">IIBBBBB", 20_000, MAX_PIXELS * 2 // 20_000, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IDAT" + zlib.compress(b"too few pixels")]
    framed = [struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) for body in chunks]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(framed)
    assert refusal(bomb) == "too_large"


def test_a_rendition_is_a_small_baseline_jpeg_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x0110] = "a camera"
    rendition = render(decode(encoded(scene(2000, 1000), "JPEG", exif=exif, comment=b"secret")), max_side=800)
    picture = Image.open(io.BytesIO(rendition.data))
    assert picture.size == (rendition.width, rendition.height) == (800, 400)
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not picture.getexif()
    assert b"\xff\xc0" in rendition.data
    assert b"\xff\xc2" not in rendition.data


def test_a_rendition_is_reproducible_and_never_enlarged() -> None:
    rgb = scene()
    assert render(rgb) == render(rgb.copy())
    assert (render(rgb).width, render(rgb).height) == (160, 120)
    assert render(scene(600, 300), max_side=256).width == 256
