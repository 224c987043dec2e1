"""The command line on plain folders and tables, from grades to a report, with drawn faces."""

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore import training
from mlcore.__main__ import main
from mlcore.artifact import FACTS_FILE, MODEL_FILE
from mlcore.commands import evaluate
from mlcore.commands.judging import Judged
from mlcore.commands.score import COLUMNS
from mlcore.examples import Example
from mlcore.tests import bad_pictures
from mlcore.tests.pictures import encoded, faces
from mlcore.training import Trained

RATERS = ("r1", "r2", "r3")


@dataclass(frozen=True)
class Study:
    """A folder of drawn faces with three grades each, in tables; `names` in the order of `faces()`."""

    images: Path
    ratings: Path
    groups: Path
    names: tuple[str, ...]


def study(place: Path, names: Sequence[str], pictures: Sequence[bytes]) -> Study:
    """The same pictures and grades under these names; the tables are sorted by name."""
    images = place / "images"
    images.mkdir(parents=True)
    draw = np.random.default_rng(4)
    grades, groups = [], []
    for at, (name, data) in enumerate(zip(names, pictures, strict=True)):
        (images / name).write_bytes(data)
        severity = faces()[at].subject.severity
        grades += [(name, rater, int(np.clip(round(severity + draw.normal(0, 0.4)), 1, 5))) for rater in RATERS]
        groups.append((name, at // 2))
    written(place / "ratings.csv", ("image", "rater", "grade"), sorted(grades))
    written(place / "images.csv", ("image", "group"), sorted(groups))
    return Study(images, place / "ratings.csv", place / "images.csv", tuple(names))


def written(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(verb: str, **options: object) -> int:
    words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return main([verb, *words])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [encoded(face.pixels, "JPEG", quality=90) for face in faces()]


@pytest.fixture(scope="module")
def graded(place: Path, pictures: list[bytes]) -> Study:
    return study(place / "first", [f"face{at:02}.jpg" for at in range(len(pictures))], pictures)


@pytest.fixture(scope="module")
def artifact(place: Path, graded: Study) -> Path:
    folder = place / "artifact"
    assert train(graded, folder, place) == 0
    return folder


def train(what: Study, out: Path, place: Path) -> int:
    return run(
        "train",
        images=what.images,
        ratings=what.ratings,
        groups=what.groups,
        levels="1,2,3,4,5",
        backbones="texture",
        models="ridge",
        out=out,
        cache=place / "features",
    )


def test_other_names_train_the_same_model_bit_for_bit(
    artifact: Path, place: Path, graded: Study, pictures: list[bytes]
) -> None:
    names = [f"{number}.jpg" for number in random.Random(9).sample(range(10**6), len(pictures))]
    assert sorted(names) != names
    other = study(place / "second", names, pictures)
    assert train(other, place / "again", place) == 0
    assert (place / "again" / MODEL_FILE).read_bytes() == (artifact / MODEL_FILE).read_bytes()
    first, second = (json.loads((folder / FACTS_FILE).read_text()) for folder in (artifact, place / "again"))
    assert first == second
    assert not any(name in json.dumps(first) for name in graded.names)


def test_every_picture_file_gets_one_row_and_none_stops_the_others(
    artifact: Path, place: Path, pictures: list[bytes]
) -> None:
    folder = place / "mixed"
    folder.mkdir()
    files = {
        "b.jpg": pictures[0],
        "a.jpg": bad_pictures.corrupt(),
        "c.png": bad_pictures.black(),
        "d.png": bad_pictures.tiny(),
        "e.jpeg": pictures[1],
        "f.jpg": b"",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "list.csv").write_text("no picture")
    (folder / "g.jpg").symlink_to(folder / "nowhere")
    assert run("score", artifact=artifact, images=folder, out=place / "scores.csv") == 0
    rows = table(place / "scores.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [row["image"] for row in rows] == sorted(files)
    mean = json.loads((artifact / FACTS_FILE).read_text())["ensemble"]["target_mean"]
    for row in rows:
        assert 1.0 <= float(row["score"]) <= 5.0
        if row["route"] == "refused":
            assert float(row["score"]) == mean
            assert row["reason"].endswith(".")
    assert {row["image"] for row in rows if row["route"] == "refused"} == {"a.jpg", "c.png", "d.png", "f.jpg"}


def test_a_fresh_process_scores_the_same_bits_and_a_table_of_scores_is_judged_like_its_artifact(
    artifact: Path, place: Path, graded: Study, pictures: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    few = place / "few"
    few.mkdir()
    for name, data in zip(graded.names[:4], pictures, strict=False):
        (few / name).write_bytes(data)
    there = ["--artifact", artifact, "--images", few, "--out", place / "there.csv"]
    subprocess.run([sys.executable, "-m", "mlcore", "score", *map(str, there)], check=True, capture_output=True)
    known = {"images": few, "ratings": graded.ratings, "groups": graded.groups, "levels": "1,2,3,4,5"}
    assert run("evaluate", **known, scores=place / "there.csv", out=place / "table.json") == 0
    assert run("evaluate", **known, artifact=artifact, out=place / "model.json") == 0
    one, other = (json.loads((place / name).read_text()) for name in ("table.json", "model.json"))
    assert one["model"] == other["model"]
    assert one["panels"] == other["panels"]
    assert one["rows"] == other["rows"]
    assert list(one["panels"]) == list(RATERS)
    said = capsys.readouterr()
    assert "left out" in said.out
    assert "8 graded images are not in the folder and are left out" in said.err


def test_cross_validation_scores_each_image_by_a_model_of_other_groups(
    place: Path, graded: Study, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artifact.is_dir()  # its features are there already
    fold = evaluate._fold
    sides: list[tuple[set[str], set[str]]] = []

    def noting(_experts: Any, examples: Sequence[Example], *rest: Any) -> Trained:
        sides.append(({one.group for one in examples}, set()))
        return training.train(_experts, examples, *rest)

    def scoring(*arguments: Any) -> dict[int, Judged]:
        found = fold(*arguments)
        sides[-1][1].update(one.subject.group for one in found.values())
        return found

    monkeypatch.setattr(evaluate, "train", noting)
    monkeypatch.setattr(evaluate, "_fold", scoring)
    options: dict[str, Any] = {"images": graded.images, "ratings": graded.ratings, "groups": graded.groups}
    options |= {"levels": "1,2,3,4,5", "backbones": "texture", "models": "ridge", "cache": place / "features"}
    assert run("evaluate", **options, folds=2, out=place / "folds.json") == 0
    found = json.loads((place / "folds.json").read_text())
    assert found["images"] == len(graded.names)
    assert [row["image"] for row in found["rows"]] == sorted(graded.names)
    assert found["constant_rmse"] > 0
    assert len(sides) == 2
    for learnt, scored in sides:
        assert learnt and scored and not learnt & scored
        assert len(learnt | scored) == found["groups"]
    assert run("evaluate", **options, folds=7, out=place / "many.json") == 2


def test_a_table_of_scores_that_lacks_graded_images_is_refused_and_names_them(
    place: Path, graded: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"images": graded.images, "ratings": graded.ratings, "groups": graded.groups}
    written(place / "part.csv", ("image", "score"), [(name, 2.0) for name in graded.names[1:]])
    assert run("evaluate", **known, scores=place / "part.csv", out=place / "part.json") == 2
    assert f"1 of {len(graded.names)} graded images are not in the table of scores: {graded.names[0]}." in (
        capsys.readouterr().err
    )
    assert not (place / "part.json").exists()


def test_an_artifact_is_judged_on_the_scale_that_it_was_trained_on(artifact: Path, place: Path, graded: Study) -> None:
    few = place / "on its scale"
    few.mkdir()
    for name in graded.names[:2]:
        (few / name).write_bytes((graded.images / name).read_bytes())
    written(place / "mild.csv", ("image", "rater", "grade"), [(name, "r1", 2) for name in graded.names[:2]])
    known = {"images": few, "ratings": place / "mild.csv", "groups": graded.groups}
    assert run("evaluate", **known, artifact=artifact, out=place / "mild.json") == 0
    assert len(json.loads((place / "mild.json").read_text())["model"]["confusion"]) == 5


def test_a_file_whose_name_is_no_text_is_scored_like_any_other(
    artifact: Path, place: Path, pictures: list[bytes]
) -> None:
    folder = place / "odd"
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        (folder / name).write_bytes(pictures[0])
    except OSError:
        pytest.skip("this file system takes no such name")
    assert run("score", artifact=artifact, images=folder, out=place / "odd.csv") == 0
    (row,) = table(place / "odd.csv")
    assert row["image"] == "caf\\udce9.jpg" and row["route"] != "refused"


def test_a_picture_that_can_not_be_read_stops_neither_training_nor_extraction(
    place: Path, pictures: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    odd = study(place / "unreadable", [f"{at}.jpg" for at in range(len(pictures))], pictures)
    (odd.images / "0.jpg").unlink()
    # A file that is there, and that nobody can read from its beginning.
    (odd.images / "0.jpg").symlink_to("/proc/self/mem")
    assert train(odd, place / "without it", place) == 0
    told = "1 pictures can't be read and are left out: 0.jpg (Input/output error)."
    assert told in capsys.readouterr().err
    assert run("extract", images=odd.images, out=place / "features", backbones="texture") == 0
    assert told in capsys.readouterr().err


def test_too_many_models_are_told_before_any_picture_is_looked_at(
    place: Path, graded: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "MOST_PARTS", 1)
    known = {"images": graded.images, "ratings": graded.ratings, "groups": graded.groups, "backbones": "texture"}
    for verb, options in (("train", {}), ("evaluate", {"folds": 2})):
        assert run(verb, **known, **options, out=place / "x", cache=place / "never") == 2
        assert "1 backbones with 2 kinds of model each make 2 models" in capsys.readouterr().err
    assert not (place / "never").exists()


def test_features_are_computed_once(place: Path, pictures: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = place / "some", place / "store"
    folder.mkdir()
    for name, data in {"a.jpg": pictures[0], "b.jpg": pictures[0], "c.jpg": bad_pictures.black()}.items():
        (folder / name).write_bytes(data)
    assert run("extract", images=folder, out=out, backbones="texture") == 0
    assert "2 different pictures" in capsys.readouterr().err
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert len(files) == 2
    assert run("extract", images=folder, out=out, backbones="texture") == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == files


def test_what_can_not_be_done_is_told_in_a_sentence(
    place: Path, artifact: Path, graded: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    cases: list[tuple[str, dict[str, object], str]] = [
        ("train", {"images": graded.images, "ratings": graded.ratings, "out": artifact}, "exists already"),
        ("train", {"images": place / "no", "ratings": graded.ratings, "out": place / "x"}, "There is no folder"),
        ("train", {"images": graded.images, "ratings": place / "no.csv", "out": place / "x"}, "can't be read"),
        ("train", {"images": graded.images, "ratings": graded.groups, "out": place / "x"}, "no column rater, grade"),
        (
            "evaluate",
            {"images": graded.images, "ratings": graded.ratings, "artifact": artifact, "seeds": 5, "out": place / "x"},
            "of --folds alone",
        ),
        (
            "evaluate",
            {"images": graded.images, "ratings": graded.ratings, "artifact": artifact, "levels": "0,1,2"}
            | {"out": place / "x"},
            "trained on the scale 1,2,3,4,5, not on 0,1,2",
        ),
        ("score", {"artifact": place, "images": graded.images, "out": place / "x.csv"}, "no complete artifact"),
        ("score", {"artifact": artifact, "images": graded.images, "out": place}, "is a folder"),
    ]
    for verb, options, said in cases:
        assert run(verb, **options) == 2
        told = capsys.readouterr().err
        assert told.startswith("error: ") or "\nerror: " in told
        assert said in told
    assert main(["paint"]) == 2
    assert "usage: python -m mlcore VERB" in capsys.readouterr().err
    assert main(["--help"]) == 0


def test_a_backbone_without_its_file_is_named_with_its_size(
    place: Path, graded: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = place / "no weights"
    empty.mkdir()
    options = {"images": graded.images, "ratings": graded.ratings, "groups": graded.groups, "weights": empty}
    assert run("train", **options, backbones="mobilenet_v2", out=place / "x") == 2
    assert "mobilenet_v2-" in capsys.readouterr().err
