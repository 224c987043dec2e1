"""What a report says of scores held against grades."""

import argparse
import io
from pathlib import Path

import numpy as np
import pytest

from mlcore import examiner
from mlcore.commands import likeness
from mlcore.commands.judging import Judged, lines, report, rows
from mlcore.commands.labelled import Subject
from mlcore.commands.likeness import pairs_alike
from mlcore.commands.options import levels
from mlcore.commands.progress import Progress, duration
from mlcore.examiner import Examined
from mlcore.faces import FaceFinder
from mlcore.tests.pictures import encoded, faces, frontal_face, scene

LEVELS = (0.0, 1.0, 2.0, 3.0)


def judged(at: int, score: float, grades: dict[str, float], route: str = "aligned", tone: str = "") -> Judged:
    fields = {"tone": tone} if tone else {}
    ratings = tuple(sorted(grades.items()))
    subject = Subject(f"{at:064x}", Path("x"), (f"{at}.jpg", f"copy of {at}.jpg"), ratings, f"g{at // 2}", fields)
    return Judged(subject, score, route != "refused", route, "", 1.0)


@pytest.fixture
def some() -> list[Judged]:
    return [
        judged(0, 1.0, {"a": 1, "b": 2, "c": 0}, tone="I"),
        judged(1, 2.0, {"a": 3, "b": 3, "c": 3}, tone="VI"),
        judged(2, 1.0, {"a": 0, "b": 1, "c": 2}, route="refused"),
        judged(3, 3.0, {"a": 3, "b": 3}),
    ]


def test_the_model_is_held_against_the_panels_of_the_raters_on_complete_cases(some: list[Judged]) -> None:
    found = report(some, LEVELS)
    others_of_a = np.array([1.0, 3.0, 1.5])
    assert found["panels"]["a"]["n"] == 3
    assert found["panels"]["a"]["model_rmse"] == pytest.approx(
        np.sqrt(np.mean((np.array([1, 2, 1]) - others_of_a) ** 2))
    )
    assert found["panels"]["a"]["rater_rmse"] == pytest.approx(
        np.sqrt(np.mean((np.array([1, 3, 0]) - others_of_a) ** 2))
    )
    worst = max(panel["model_rmse"] for panel in found["panels"].values())
    assert found["verdict"]["model_worst"] == worst
    assert found["verdict"]["as_good_as_the_worst_rater"] == (worst <= found["verdict"]["raters_worst"])


def test_a_refused_image_counts_in_every_figure_and_coverage_stands_beside(some: list[Judged]) -> None:
    found = report(some, LEVELS, ("tone",))
    assert found["images"] == 4
    assert found["model"]["coverage"] == 0.75
    assert found["model"]["rmse"] == pytest.approx(0.5)
    assert found["constant_rmse"] == pytest.approx(np.sqrt((0 + 4 + 0 + 4) / 4))
    assert found["rmse_95"]["low"] <= 0.5 <= found["rmse_95"]["high"]
    refused = found["by"]["route"]["refused"]
    assert (refused["n"], refused["coverage"], refused["rmse"]) == (1, 0.0, 0.0)
    assert {name: own["n"] for name, own in found["by"]["tone"].items()} == {"(none)": 2, "I": 1, "VI": 1}
    told = "\n".join(lines(found))
    assert "coverage 75.0%" in told
    assert "tone VI: 1 images, RMSE 1.000" in told


def test_a_single_rater_has_no_panel_and_every_name_has_its_row(some: list[Judged]) -> None:
    found = report([judged(0, 1.0, {"a": 1}), judged(2, 2.0, {"a": 1})], LEVELS)
    assert found["panels"] == {}
    assert found["verdict"] is None
    assert [row["image"] for row in rows(some)][:3] == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(rows(some)) == 8


def test_without_groups_copies_and_persons_are_found_and_broken_files_are_alone(tmp_path: Path) -> None:
    face = frontal_face().pixels
    contents = [
        encoded(face, "JPEG", quality=95),
        encoded(np.ascontiguousarray(face[::2, ::2]), "JPEG", quality=80),
        b"broken",
        encoded(scene(320, 240)),
        encoded(faces()[-1].pixels, "JPEG"),
    ]
    subjects = []
    for at, data in enumerate(contents):
        (tmp_path / str(at)).write_bytes(data)
        subjects.append(Subject(f"{at:064x}", tmp_path / str(at), (str(at),), (("r", 1.0),), str(at), {}))
    said = io.StringIO()
    found = pairs_alike(subjects, tmp_path / "cache", Progress(said))
    assert (0, 1) in found
    assert not any({2, 3} & set(pair) for pair in found)
    for at in range(len(contents)):
        (tmp_path / str(at)).unlink()
    assert pairs_alike(subjects, tmp_path / "cache", Progress(said)) == found
    assert "looking for copies and persons: 5 of 5" in said.getvalue()


def test_a_picture_at_which_the_code_fails_is_compared_with_none_and_looked_at_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picture = encoded(scene(320, 240))
    subjects = []
    for at in range(3):
        (tmp_path / str(at)).write_bytes(picture)
        subjects.append(Subject(f"{at:064x}", tmp_path / str(at), (str(at),), (("r", 1.0),), str(at), {}))
    fails = iter([True, False, False])

    def examine(data: bytes, finder: FaceFinder) -> Examined:
        if next(fails):
            raise ZeroDivisionError
        return examiner.examine(data, finder)

    with monkeypatch.context() as patch:
        patch.setattr(likeness, "examine", examine)
        assert pairs_alike(subjects, tmp_path / "cache", Progress(io.StringIO())) == [(1, 2)]
    assert "0 could not be compared with the others" in caplog.text
    assert (0, 1) in pairs_alike(subjects, tmp_path / "cache", Progress(io.StringIO()))


def test_levels_rise_and_times_are_told_as_people_say_them() -> None:
    assert levels("0,1, 2.5") == (0.0, 1.0, 2.5)
    for wrong in ("1", "2,1", "1,1", "1,x", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="rising numbers"):
            levels(wrong)
    assert [duration(seconds) for seconds in (7.6, 200, 3900)] == ["8 s", "3 min 20 s", "1 h 5 min"]


def test_the_first_findings_are_told_and_the_others_counted() -> None:
    said = io.StringIO()
    Progress(said).findings(f"odd {at}" for at in range(13))
    assert said.getvalue().splitlines()[0] == "warning: odd 0"
    assert said.getvalue().splitlines()[-1] == "warning: … and 3 more like these."
