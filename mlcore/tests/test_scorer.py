"""The artifact and the scorer on it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlcore import artifact as artifacts
from mlcore import backbones
from mlcore.artifact import FACTS_FILE, MODEL_FILE, Artifact, ArtifactError
from mlcore.extractor import Extractor, configure
from mlcore.records import Route
from mlcore.regressor import RegressorConfig, fit
from mlcore.scorer import Scorer
from mlcore.tests.pictures import encoded, finder, frontal_face, scene


@pytest.fixture(scope="module")
def made() -> Artifact:
    config = configure(backbones.load("texture"))
    rgb = frontal_face().pixels
    extractor = Extractor(config, finder=finder())
    rows = np.stack([vector.vector for vector in extractor.embed(rgb, extractor.locate(rgb))] * 4)
    rows += np.random.default_rng(0).normal(0, 0.1, rows.shape).astype(np.float32)
    targets = np.linspace(1.5, 4.5, len(rows))
    model = fit(rows, targets, np.ones(len(rows)), rows, targets, RegressorConfig(max_epochs=2, threads=1))
    return Artifact(config, model, (1.0, 2.0, 3.0, 4.0, 5.0), 2.7, "f" * 64, {"rmse": 0.48})


@pytest.fixture
def folder(made: Artifact, tmp_path: Path) -> Path:
    artifacts.save(tmp_path / "run", made)
    return tmp_path / "run"


def test_an_artifact_comes_back_whole(made: Artifact, folder: Path) -> None:
    back = artifacts.load(folder)
    assert (back.extractor, back.levels, back.target_mean) == (made.extractor, made.levels, made.target_mean)
    assert (back.manifest_sha256, back.metrics, back.versions) == (made.manifest_sha256, made.metrics, made.versions)
    x = np.random.default_rng(3).normal(size=(5, made.regressor.dim)).astype(np.float32)
    assert np.array_equal(back.regressor.predict(x), made.regressor.predict(x))
    assert sorted(path.name for path in folder.iterdir()) == [FACTS_FILE, MODEL_FILE]


def test_an_artifact_is_written_whole_or_not_at_all(made: Artifact, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="never overwritten"):
        artifacts.save(folder, made)
    unwritable = Artifact(
        made.extractor, made.regressor, made.levels, made.target_mean, made.manifest_sha256, {"rmse": float("nan")}
    )
    with pytest.raises(ValueError, match="JSON"):
        artifacts.save(tmp_path / "other", unwritable)
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
    changes: tuple[dict[str, object], ...] = (
        {"schema": 99},
        {"regressor": {}},
        {"extractor": {"unknown": 1}},
        {"levels": None},
    )
    for change in changes:
        facts.write_text(json.dumps({**sound_facts, **change}))
        with pytest.raises(ArtifactError):
            artifacts.load(folder)
    facts.write_text("{")
    with pytest.raises(ArtifactError, match="damaged"):
        artifacts.load(folder)


def test_a_selfie_is_scored_by_the_mean_over_its_patches(made: Artifact, folder: Path) -> None:
    score = Scorer.load(folder, finder=finder()).score(encoded(frontal_face().pixels))
    assert score.route is Route.ALIGNED
    assert score.severity == pytest.approx(np.mean([patch.score for patch in score.patches]))
    assert (score.width, score.height) == frontal_face().pixels.shape[1::-1]
    for patch in score.patches:
        assert 0 <= patch.box.x0 < patch.box.x1 <= score.width
    narrow = Artifact(made.extractor, made.regressor, (1.0, 1.1), 1.0, made.manifest_sha256)
    clipped = Scorer(narrow, finder=finder()).score(encoded(frontal_face().pixels)).severity
    assert clipped is not None
    assert 1.0 <= clipped <= 1.1


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


def test_whatever_is_sent_ends_in_a_score_or_a_reason(folder: Path) -> None:
    scorer = Scorer.load(folder, finder=finder())
    good = encoded(frontal_face().pixels, "JPEG")
    bad = {
        "not_an_image": b"hello",
        "corrupt": good[: len(good) // 3],
        "too_small": encoded(scene(32, 32)),
        "no_face": encoded(Image.new("RGB", (300, 300))),
    }
    for code, data in bad.items():
        score = scorer.score(data)
        assert (score.severity, score.route, score.code, score.patches) == (None, Route.REFUSED, code, ())
        assert score.reason
    for mode in ("L", "CMYK"):
        score = scorer.score(encoded(Image.fromarray(frontal_face().pixels).convert(mode), "JPEG"))
        assert score.severity is not None
        assert np.isfinite(score.severity)
