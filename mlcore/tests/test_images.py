import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from mlcore.images import MAX_PIXELS, ImageRejected, decode, render, shrink
from mlcore.tests.pictures import encoded, scene


def refusal(data: bytes) -> str:
    with pytest.raises(ImageRejected) as caught:
        decode(data)
    assert caught.value.reason and caught.value.remedy
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


def test_a_tiff_whose_further_page_is_damaged_is_rejected_like_any_other() -> None:
    first = encoded(Image.fromarray(scene()[..., 0]), "TIFF")
    start = struct.unpack_from("<L", first, 4)[0]
    link = start + 2 + 12 * struct.unpack_from("<H", first, start)[0]
    # A second page that holds nothing at all, not even its size.
    damaged = first[:link] + struct.pack("<L", len(first)) + first[link + 4 :] + struct.pack("<HL", 0, 0)
    assert refusal(damaged) == "corrupt"


def test_a_tiff_of_very_many_pages_is_refused_at_once() -> None:
    first = encoded(Image.fromarray(scene()[..., 0]), "TIFF")
    start = struct.unpack_from("<L", first, 4)[0]
    link = start + 2 + 12 * struct.unpack_from("<H", first, start)[0]
    page, base, count = first[start:link], len(first), 20_000  # which would take half a minute to count
    starts = [base + number * (len(page) + 4) for number in range(count)]
    pages = b"".join(page + struct.pack("<L", following) for following in [*starts[1:], 0])
    began = time.process_time()
    assert refusal(first[:link] + struct.pack("<L", base) + first[link + 4 :] + pages) == "animated"
    assert time.process_time() - began < 1


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


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 92},
        {"quality": 60, "subsampling": "4:2:0"},
        {"quality": 85, "subsampling": "4:2:2"},
        {"quality": 95, "subsampling": "4:4:4", "progressive": True},
        {"quality": 90, "restart_marker_rows": 1},
        {"quality": 90, "keep_rgb": True},
        {"quality": 90, "icc_profile": b"no profile at all"},
        {"quality": 90, "comment": b"\xff\xd9 <script>"},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(160, 120), (161, 119)])
def test_a_jpeg_has_the_same_pixels_as_by_pillow(options: dict[str, object], size: tuple[int, int]) -> None:
    data = encoded(scene(*size), "JPEG", **options)
    assert np.abs(decode(data).astype(int) - by_pillow(data)).max() <= 2


def test_a_jpeg_in_another_colour_space_is_brought_to_srgb() -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Under a description that is not sRGB's, even its own numbers are converted, so by the path that knows profiles.
    other = swapped.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be")).replace(
        b"sRGB built-in", b"xRGB built-in"
    )
    assert other != swapped
    data = encoded(scene(), "JPEG", quality=95, icc_profile=other)
    assert np.abs(decode(data).astype(int) - by_pillow(data)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_stands_as_its_png_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    as_jpeg, as_png = (decode(encoded(scene(), kind, exif=exif)) for kind in ("JPEG", "PNG"))
    assert as_jpeg.shape == as_png.shape
    assert np.abs(as_jpeg.astype(int) - as_png.astype(int)).mean() < 6


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_off_anywhere_is_refused(progressive: bool) -> None:
    whole = encoded(scene(400, 300), "JPEG", progressive=progressive)
    for share in (0.05, 0.3, 0.6, 0.9, 0.97):
        assert refusal(whole[: int(len(whole) * share)]) in {"corrupt", "not_an_image"}
    decode(whole + b"\0" * 100)  # what follows the picture is not its own


def heic(*pictures: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    pictures[0].save(out, "HEIF", save_all=len(pictures) > 1, append_images=list(pictures[1:]), **options)
    return out.getvalue()


def test_a_phones_heic_is_read_upright() -> None:
    held_upright, held_sideways = Image.fromarray(scene()), Image.fromarray(scene())
    held_sideways.getexif()[0x0112] = 6
    plain, turned = decode(heic(held_upright)), decode(heic(held_sideways))
    assert plain.shape == (120, 160, 3)
    assert np.abs(plain.astype(int) - scene().astype(int)).mean() < 6
    assert np.abs(turned.astype(int) - np.rot90(plain, -1).astype(int)).mean() < 6


def test_a_heic_of_ten_bits_is_brought_to_eight() -> None:
    deep = Image.fromarray(np.repeat(np.linspace(0, 65535, 160).astype(np.uint16)[None], 120, axis=0))
    pixels = decode(heic(deep))
    assert pixels.dtype == np.uint8
    assert pixels[60, :4].max() < 8 and pixels[60, -4:].min() > 247


def test_of_several_pictures_in_a_heic_the_one_it_names_is_taken() -> None:
    bright, dark = Image.new("RGB", (96, 96), (220, 220, 220)), Image.new("RGB", (96, 96), (20, 20, 20))
    assert decode(heic(bright, dark, primary_index=1)).mean() < 60
    assert decode(heic(bright, dark, primary_index=0)).mean() > 190


def test_a_burst_in_a_heic_is_refused() -> None:
    still = heic(Image.fromarray(scene()))
    assert refusal(still.replace(b"ftypheic", b"ftyphevc", 1)) == "animated"


def test_a_heic_that_is_cut_off_is_refused() -> None:
    whole = heic(Image.fromarray(scene(400, 300)))
    for share in (0.3, 0.9):
        assert refusal(whole[: int(len(whole) * share)]) in {"corrupt", "not_an_image"}


def test_sixteen_bit_colour_is_brought_to_eight() -> None:
    rows = np.zeros((80, 1 + 80 * 6), dtype=np.uint8)
    rows[:, 1::2] = 200  # the high bytes
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 80, 80, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    ]
    framed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    assert decode(b"\x89PNG\r\n\x1a\n" + b"".join(framed)).tolist()[0][0] == [200, 200, 200]


def test_a_page_hidden_in_a_picture_does_not_reach_what_is_shown() -> None:
    page = b"<html><script>alert(1)</script></html>"
    picture = encoded(scene(), "JPEG", comment=page) + page
    assert page not in render(decode(picture)).data


def test_a_file_is_what_it_holds_whatever_it_is_called() -> None:
    exact = decode(encoded(scene(), "PNG"))  # no name is asked for: nothing could mislead
    assert np.array_equal(exact, scene())


def test_a_picture_is_shrunk_to_the_means_of_its_pixels_and_never_enlarged() -> None:
    chequered = np.zeros((200, 100, 3), dtype=np.uint8)
    chequered[::2, ::2] = chequered[1::2, 1::2] = 200
    small = shrink(chequered, 100)
    assert small.shape == (100, 50, 3) and np.all(small == 100)
    assert shrink(small, 640) is small
