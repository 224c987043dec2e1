import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlcore import ridge
from mlcore.ensemble import Ensemble, Part, stacked, without_idle
from mlcore.extractor import ExtractorConfig
from mlcore.fitting import fit
from mlcore.records import PatchVector, Region
from mlcore.regressor import RegressorConfig
from mlcore.tensor_file import load, saved
from mlcore.views import combined

ONE, TWO = (ExtractorConfig(name, "v1", 64) for name in ("one", "two"))
REGIONS = (Region.CHIN, Region.FOREHEAD, Region.FACE)


def images(n: int = 40, seed: int = 0) -> list[tuple[PatchVector, ...]]:
    x = np.random.default_rng(seed).normal(0, 1, (n, 3, 5)).astype(np.float32)
    return [tuple(PatchVector(at, 0, row, REGIONS[at]) for at, row in enumerate(rows)) for rows in x]


def ensemble() -> Ensemble:
    seen = images()
    y = np.array([3 + image[0].vector[0] for image in seen], dtype=np.float64)
    linear = ridge.fit(seen, y, np.ones(40), np.arange(40) % 4).model
    x = np.stack([image[0].vector for image in seen])
    config = RegressorConfig(hidden=(8,), max_epochs=3, members=2, threads=1)
    network = fit(x[:30], y[:30], np.ones(30), x[30:], y[30:], config).model
    return Ensemble([Part(ONE, linear, 0.75), Part(TWO, network, 0.25)], (1, 2, 3, 4, 5), 3.1)


def test_a_score_is_the_weighted_mean_of_the_parts() -> None:
    model = ensemble()
    one, two = images(1, 1)[0], images(1, 2)[0][:2]
    (score,) = model.predict([{ONE.id: one, TWO.id: two}])
    expected = 0.75 * combined(model.parts[0].model.score(one)) + 0.25 * combined(model.parts[1].model.score(two))
    assert score is not None
    assert score.severity == pytest.approx(expected)
    assert [view.patch for view in score.patches] == [0, 1, 2]
    assert combined(score.patches) == pytest.approx(expected)
    assert sum(view.weight for view in score.patches) == pytest.approx(1)
    # Parts 1 (two patches at 0.125) and 0 (half of 0.75 for two patches).
    assert [view.weight for view in score.patches] == pytest.approx([0.3125, 0.3125, 0.375])


def test_what_a_part_can_not_see_is_left_to_the_others() -> None:
    model = ensemble()
    one = images(1, 1)[0]
    alone, nothing = model.predict([{ONE.id: one}, {ONE.id: (), TWO.id: ()}])
    assert alone is not None
    assert alone.severity == pytest.approx(combined(model.parts[0].model.score(one)))
    assert nothing is None


def test_a_score_lies_within_the_scale() -> None:
    model = ensemble()
    extreme = tuple(PatchVector(at, 0, np.full(5, 1e6, np.float32), region) for at, region in enumerate(REGIONS))
    (score,) = model.predict([{ONE.id: extreme, TWO.id: extreme}])
    assert score is not None
    assert 1 <= score.severity <= 5


def test_company_changes_no_bit_of_a_score() -> None:
    model = ensemble()
    given = [{ONE.id: one, TWO.id: one} for one in images(20, 3)]
    assert model.predict(given) == [model.predict([image])[0] for image in given]


def test_another_process_gives_the_same_bits(tmp_path: Path) -> None:
    model = ensemble()
    (tmp_path / "model").write_bytes(saved(model.tensors()))
    (tmp_path / "facts").write_text(repr(model.to_json()))
    code = (
        "import pathlib, sys, ast\n"
        "from mlcore.tensor_file import load\n"
        "from mlcore.ensemble import Ensemble\n"
        "from mlcore.tests.test_ensemble import images, ONE, TWO\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "fields = ast.literal_eval((folder / 'facts').read_text())\n"
        "model = Ensemble.from_json(fields, load((folder / 'model').read_bytes()))\n"
        "print([score.severity.hex() for score in model.predict([{ONE.id: i, TWO.id: i} for i in images(5, 7)])])\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    ).stdout
    here = [score.severity.hex() for score in model.predict([{ONE.id: i, TWO.id: i} for i in images(5, 7)]) if score]
    assert there.strip() == repr(here)


def test_what_does_not_fit_together_is_refused() -> None:
    model = ensemble()
    fields, tensors = model.to_json(), load(saved(model.tensors()))
    assert Ensemble.from_json(fields, tensors).extractors == (ONE, TWO)
    with pytest.raises(KeyError):
        Ensemble.from_json(fields, {name: value for name, value in tensors.items() if not name.startswith("part1.")})
    with pytest.raises(ValueError, match="kind of model"):
        Ensemble.from_json({**fields, "parts": [{**fields["parts"][0], "kind": "oracle"}]}, tensors)
    with pytest.raises(ValueError, match="at least one part"):
        Ensemble([], (1, 2), 1.5)


def test_offsets_are_those_that_any_part_of_the_extractor_wants() -> None:
    model = ensemble()
    assert (model.offsets(ONE.id), model.offsets(TWO.id), model.offsets("0" * 16)) == ((0, 12), (0,), ())


def test_stacking_finds_the_best_mix_on_the_simplex() -> None:
    draw = np.random.default_rng(0)
    truth = draw.normal(3, 1, 2000)
    predictions = truth[:, None] + draw.normal(0, [0.3, 0.6, 5.0], (2000, 3)) + [0, 0, 3]
    weights = stacked(predictions, truth)
    # Independent errors: weights by one over the variance, 0.8 to 0.2; the third is hopeless.
    assert weights == pytest.approx([0.8, 0.2, 0], abs=0.04)
    assert weights.sum() == pytest.approx(1)
    grid = [np.array([a, b, 1 - a - b]) for a in np.linspace(0, 1, 41) for b in np.linspace(0, 1 - a, 21)]
    best = min(float(np.mean((predictions @ one - truth) ** 2)) for one in grid)
    assert np.mean((predictions @ weights - truth) ** 2) <= best + 1e-9


def test_stacking_survives_equal_and_perfect_parts() -> None:
    truth = np.arange(5.0)
    twins = np.stack([truth + 1, truth + 1], axis=1)
    assert stacked(twins, truth).sum() == pytest.approx(1)
    assert stacked(np.stack([truth, truth + 1], axis=1), truth) == pytest.approx([1, 0], abs=1e-6)
    with pytest.raises(ValueError, match="finite"):
        stacked(twins * np.nan, truth)
    with pytest.raises(ValueError, match="stacked"):
        stacked(np.zeros((5, 16)), truth)


def test_idle_parts_are_dropped() -> None:
    assert without_idle(np.array([0.69, 0.30, 0.01])).tolist() == pytest.approx([0.69 / 0.99, 0.30 / 0.99, 0])
