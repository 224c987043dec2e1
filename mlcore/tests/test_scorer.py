"""The artifact and the scorer on it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlcore import artifact as artifacts
from mlcore.artifact import FACTS_FILE, MODEL_FILE, WEIGHTS_FOLDER, Artifact, ArtifactError
from mlcore.ensemble import Ensemble, Part
from mlcore.extractor import ExtractorMismatch
from mlcore.records import Route
from mlcore.scorer import Scorer
from mlcore.tests.models import small_artifact, small_training, small_vectors
from mlcore.tests.pictures import encoded, finder, frontal_face
from mlcore.training import MODELS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    artifacts.save(tmp_path / "run", small_artifact())
    return tmp_path / "run"


def test_an_artifact_comes_back_whole(folder: Path) -> None:
    made, back = small_artifact(), artifacts.load(folder)
    assert (back.levels, back.target_mean) == (made.levels, made.target_mean)
    assert (back.manifest_sha256, back.metrics, back.versions) == (made.manifest_sha256, made.metrics, made.versions)
    assert back.ensemble.to_json() == made.ensemble.to_json()
    tensors = back.ensemble.tensors()
    assert tensors.keys() == made.ensemble.tensors().keys()
    assert all(np.array_equal(tensors[name], value) for name, value in made.ensemble.tensors().items())
    assert sorted(path.name for path in folder.iterdir()) == [FACTS_FILE, MODEL_FILE]


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_of_any_kind_says_the_same_before_it_is_saved_and_after(kind: str, tmp_path: Path) -> None:
    trained, images = small_training((kind,)).ensemble, small_vectors()
    artifacts.save(tmp_path / "run", Artifact(trained, "f" * 64))
    back = artifacts.load(tmp_path / "run").ensemble
    (of,) = trained.extractors
    before, after = ([made.predict([{of.id: image}])[0] for image in images] for made in (trained, back))
    assert len({score.severity for score in before if score}) == len(images)
    assert after == before


def test_weights_travel_in_the_artifact_where_they_are_given(tmp_path: Path) -> None:
    (tmp_path / "some.pth").write_bytes(b"weights")
    artifacts.save(tmp_path / "run", small_artifact(), [tmp_path / "some.pth"])
    own = artifacts.weights_beside(tmp_path / "run", Path("elsewhere"))
    assert own == tmp_path / "run" / WEIGHTS_FOLDER
    assert [path.name for path in own.iterdir()] == ["some.pth"]
    artifacts.save(tmp_path / "bare", small_artifact())
    assert artifacts.weights_beside(tmp_path / "bare", Path("elsewhere")) == Path("elsewhere")


def test_an_artifact_is_written_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="never overwritten"):
        artifacts.save(folder, small_artifact())
    with pytest.raises(ValueError, match="JSON"):
        artifacts.save(tmp_path / "other", replace(small_artifact(), metrics={"rmse": float("nan")}))
    with pytest.raises(ArtifactError, match="could not be written"):
        artifacts.save(tmp_path / "other", small_artifact(), [tmp_path / "absent.pth"])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_damaged_artifact_is_refused_with_its_reason(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no complete artifact"):
        artifacts.load(tmp_path / "nowhere")
    model, facts = folder / MODEL_FILE, folder / FACTS_FILE
    sound_model, sound_facts = model.read_bytes(), json.loads(facts.read_text())
    model.write_bytes(sound_model[:-1] + b"x")
    with pytest.raises(ArtifactError, match="not the file"):
        artifacts.load(folder)
    model.write_bytes(sound_model)
    sound = sound_facts["ensemble"]
    changes: tuple[tuple[dict[str, object], str], ...] = (
        ({"schema": 99}, "no artifact of schema 3"),
        ({"schema": 2}, "older version of Goldfold; this one reads schema 3. Train anew"),
        ({"ensemble": {}}, "does not fit together"),
        ({"ensemble": {**sound, "levels": None}}, "does not fit together"),
        ({"ensemble": {**sound, "parts": [{**sound["parts"][0], "kind": "oracle"}]}}, "oracle"),
        ({"ensemble": {**sound, "parts": [{**sound["parts"][0], "extractor": {"x": 1}}]}}, "extractor configuration"),
    )
    for change, said in changes:
        facts.write_text(json.dumps({**sound_facts, **change}))
        with pytest.raises(ArtifactError, match=said):
            artifacts.load(folder)
    facts.write_text("{")
    with pytest.raises(ArtifactError, match="damaged"):
        artifacts.load(folder)


def test_a_selfie_is_scored_by_the_weighted_mean_over_its_patches(folder: Path) -> None:
    score = Scorer.load(folder, finder=finder()).score(encoded(frontal_face().pixels))
    assert score.route is Route.ALIGNED
    assert (score.code, score.reason) == ("", "")
    mean = sum(patch.score * patch.weight for patch in score.patches)
    assert score.severity == pytest.approx(np.clip(mean, 1.0, 5.0))
    assert sum(patch.weight for patch in score.patches) == pytest.approx(1.0)
    assert (score.width, score.height) == frontal_face().pixels.shape[1::-1]
    for patch in score.patches:
        assert 0 <= patch.box.x0 < patch.box.x1 <= score.width


def test_a_severity_stays_on_the_scale() -> None:
    made = small_artifact().ensemble
    narrow = Artifact(Ensemble(made.parts, (1.0, 1.1), 1.0), "f" * 64)
    severity = Scorer(narrow, finder=finder()).score(encoded(frontal_face().pixels)).severity
    assert severity is not None
    assert 1.0 <= severity <= 1.1


def test_extractors_that_cut_otherwise_are_not_mixed() -> None:
    first = small_artifact().ensemble.parts[0]
    other = Part(replace(first.extractor, geometry="another"), first.model, 0.5)
    with pytest.raises(ExtractorMismatch, match="cut patches alike"):
        Scorer(Artifact(Ensemble((first, other), (1.0, 5.0), 2.0), "f" * 64), finder=finder())


def test_another_process_gives_the_same_bits(folder: Path) -> None:
    photo = folder.parent / "selfie.png"
    photo.write_bytes(encoded(frontal_face().pixels))
    program = (
        "import sys, pathlib; from mlcore.scorer import Scorer; "
        "score = Scorer.load(pathlib.Path(sys.argv[1])).score(pathlib.Path(sys.argv[2]).read_bytes()); "
        "print(score.severity.hex(), *[patch.score.hex() for patch in score.patches])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(photo)], capture_output=True, text=True, check=True
    )
    here = Scorer.load(folder, finder=finder()).score(photo.read_bytes())
    assert here.severity is not None
    assert done.stdout.split() == [here.severity.hex(), *[patch.score.hex() for patch in here.patches]]
