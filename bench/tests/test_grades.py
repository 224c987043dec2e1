"""What accuracy is measured on is what it says it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.grades.cache import Cache
from bench.grades.drawn import GOLDEN, TRAINING, drawn_study
from bench.grades.panels import against_panels, raters_against_panels, rmse
from bench.grades.real import photographs
from mlcore.images import decode


def test_a_kept_thing_is_made_once_and_told_apart_by_what_it_is_made_of(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> np.ndarray:
        made.append(1)
        return np.arange(3)

    for made_of in (("a", 1), ("a", 1), ("a", 2)):
        assert Cache(tmp_path).array(made_of, make).tolist() == [0, 1, 2]
    assert len(made) == 2


def test_what_breaks_while_it_is_made_is_not_kept(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Cache(tmp_path).file(("a",), fail)
    assert Cache(tmp_path).file(("a",), lambda: b"whole").read_bytes() == b"whole"


def test_golden_and_training_images_are_all_and_apart() -> None:
    study = drawn_study()
    assert len(study.golden) == GOLDEN
    assert len(study.training) == TRAINING
    assert len({*study.golden, *study.training}) == GOLDEN + TRAINING


def test_a_smaller_study_is_part_of_the_whole() -> None:
    small, whole = drawn_study(training=22, golden=10), drawn_study()
    assert small.golden == whole.golden[:10]
    assert small.training == whole.training[:22]
    np.testing.assert_array_equal(small.labels, whole.labels[:22])


def test_each_training_image_has_one_rater_and_the_raters_even_folds() -> None:
    study = drawn_study()
    counts = np.bincount([study.rater_of(order) for order in range(TRAINING)])
    assert len(counts) == 11
    assert counts.max() - counts.min() <= 1
    assert study.labels[13] == study.grades[study.training[13], 2]


def test_a_selfie_is_drawn_once_and_always_the_same(tmp_path: Path) -> None:
    study = drawn_study(training=1, golden=1)
    one, again = (study.selfie(study.golden[0], Cache(folder)) for folder in (tmp_path / "a", tmp_path / "b"))
    assert one.sha256 == again.sha256
    assert decode(one.path.read_bytes()).shape == (640, 480, 3)
    (kept,) = (tmp_path / "a").rglob("*.bin")
    before = kept.stat().st_mtime_ns
    study.selfie(study.golden[0], Cache(tmp_path / "a"))
    assert kept.stat().st_mtime_ns == before


def test_model_and_raters_are_held_against_the_same_panels() -> None:
    grades = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 5.0]])
    raters, model = raters_against_panels(grades), against_panels(np.array([2.0, 3.0]), grades)
    assert raters[0] == pytest.approx(np.sqrt((1.5**2 + 1.5**2) / 2))
    assert model == pytest.approx([np.sqrt(0.25), np.sqrt(0.125), np.sqrt(0.625)])
    assert rmse(np.array([0.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(np.sqrt(12.5))


def test_only_complete_photographs_count_and_second_copies_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "acne04_a"
    (folder / "images").mkdir(parents=True)
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1"), ("d", b"3"), ("e", b"4")):
        (folder / "images" / f"{name}.jpg").write_bytes(content)
    (folder / "images.csv").write_text(
        "image,reference_level,person,duplicate_group,group\n"
        + "".join(
            f"{name}.jpg,3,,{twin},g{name}\n"
            for name, twin in zip("edcba", ["d.jpg", "d.jpg", "", "", ""], strict=True)
        )
    )
    grades = {"a": "01", "b": "2", "c": "11", "d": "30", "e": "33"}
    lines = [f"{name}.jpg,r{at},{grade}" for name, given in grades.items() for at, grade in enumerate(given)]
    (folder / "ratings.csv").write_text("image,rater,grade\n" + "\n".join([*lines, "b.jpg,r1,"]) + "\n")
    found = photographs(tmp_path)
    assert [image.picture.path.name for image in found.images] == ["a.jpg", "d.jpg"]
    assert found.truth.tolist() == [0.5, 1.5]
    assert found.groups == ["ga", "gd"]
