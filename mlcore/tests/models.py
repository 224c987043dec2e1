"""Small trained models for tests: real ones, fitted to the features of one drawn face in a second."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from mlcore import backbones
from mlcore.artifact import Artifact
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor, configure
from mlcore.records import PatchVector, Pixels
from mlcore.regressor import RegressorConfig
from mlcore.tests.pictures import finder, frontal_face
from mlcore.training import USUAL, Trained, TrainingConfig, train

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
_TARGETS = np.linspace(1.5, 4.5, 12)


def unrolled(extractor: Extractor, rgb: Pixels) -> tuple[PatchVector, ...]:
    """Vectors of the patches found, each as it is."""
    patches = extractor.locate(rgb).patches
    return extractor.embed_at(rgb, patches, extractor.pairs(patches, (0,)))


@lru_cache(maxsize=1)
def _face() -> tuple[Extractor, tuple[PatchVector, ...]]:
    extractor = Extractor(configure(backbones.load("texture")), finder=finder())
    rgb = frontal_face().pixels
    return extractor, unrolled(extractor, rgb)


def small_vectors() -> list[tuple[PatchVector, ...]]:
    """One face's texture with noise that tells the severity, a dozen times."""
    _, seen = _face()
    draw = np.random.default_rng(0)
    return [
        tuple(
            replace(one, vector=one.vector + draw.normal(target / 20, 0.02, one.vector.shape).astype(np.float32))
            for one in seen
        )
        for target in _TARGETS
    ]


@lru_cache(maxsize=4)
def small_training(models: tuple[str, ...] = USUAL) -> Trained:
    """On `small_vectors`."""
    extractor, _ = _face()
    examples = [Example(f"{at:064x}", str(at), float(target)) for at, target in enumerate(_TARGETS)]
    config = TrainingConfig(LEVELS, models, 3, RegressorConfig(hidden=(16,), max_epochs=3, threads=1))
    return train([ExpertData(extractor.config, small_vectors())], examples, config)


@lru_cache(maxsize=1)
def small_artifact() -> Artifact:
    return Artifact(small_training().ensemble, "f" * 64, {"rmse": 0.48})
