import numpy as np
from numpy.typing import NDArray

from mlcore.hair import STREAKS_SIDE, streaks, without_streaked_hair
from mlcore.records import Pixels

SIDE = STREAKS_SIDE
ALL = np.ones((112, 112), dtype=np.bool_)


def skin() -> NDArray[np.float64]:
    noise = np.random.default_rng(0).normal(0, 2, (SIDE, SIDE, 1))
    return np.full((SIDE, SIDE, 3), (180.0, 130.0, 100.0)) + noise


def pixels(values: NDArray[np.float64]) -> Pixels:
    return np.clip(values, 0, 255).astype(np.uint8)


def strands(count: int) -> NDArray[np.float64]:
    """(SIDE, count, 1): how bright strands six pixels apart are, as a factor."""
    across = np.arange(count)[None, :, None]
    return np.asarray(1 + 0.15 * np.sin(across * 2 * np.pi / 6) * np.ones((SIDE, 1, 1)))


def test_strands_at_the_outline_are_taken_off_and_the_skin_beside_them_stays() -> None:
    rgb = skin()
    rgb[:, :100] *= strands(100)
    kept = without_streaked_hair(ALL, streaks(pixels(rgb), ALL.shape))
    assert kept[:, :30].mean() < 0.05
    assert kept[:, 40:].mean() > 0.99


def test_lesions_stay_as_they_lie_along_no_line() -> None:
    rgb, draw = skin(), np.random.default_rng(1)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    for y, x in draw.integers(0, SIDE, (400, 2)):
        rgb[np.hypot(rows - y, columns - x) < draw.integers(2, 6)] *= (1.0, 0.75, 0.75)
    assert without_streaked_hair(ALL, streaks(pixels(rgb), ALL.shape)).mean() > 0.98


def test_a_cheek_that_turns_from_the_light_stays_as_its_brightness_goes_one_way() -> None:
    rgb = skin() * np.linspace(0.2, 1.2, SIDE)[None, :, None]
    assert without_streaked_hair(ALL, streaks(pixels(rgb), ALL.shape)).all()


def test_what_is_streaked_within_the_skin_stays_as_eyes_and_brows_are() -> None:
    rgb = skin()
    rgb[100:220, 100:220] *= strands(120)[100:220]
    assert without_streaked_hair(ALL, streaks(pixels(rgb), ALL.shape)).all()


def test_a_picture_that_is_streaked_all_over_keeps_its_skin() -> None:
    rgb = skin() * strands(SIDE)
    assert without_streaked_hair(ALL, streaks(pixels(rgb), ALL.shape)).all()
    nothing = ~ALL
    assert not without_streaked_hair(nothing, streaks(pixels(rgb), ALL.shape)).any()
