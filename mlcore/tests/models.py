"""Small trained models for tests: real ones, fitted to the features of one drawn face in a second."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from mlcore import backbones
from mlcore.artifact import Artifact
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor, configure
from mlcore.regressor import RegressorConfig
from mlcore.tests.pictures import finder, frontal_face
from mlcore.training import Trained, TrainingConfig, train

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)


@lru_cache(maxsize=1)
def small_training() -> Trained:
    """One face's texture with noise that tells the severity, a dozen times."""
    extractor = Extractor(configure(backbones.load("texture")), finder=finder())
    rgb = frontal_face().pixels
    seen = extractor.embed(rgb, extractor.locate(rgb))
    draw = np.random.default_rng(0)
    targets = np.linspace(1.5, 4.5, 12)
    vectors = [
        tuple(
            replace(one, vector=one.vector + draw.normal(target / 20, 0.02, one.vector.shape).astype(np.float32))
            for one in seen
        )
        for target in targets
    ]
    examples = [Example(f"{at:064x}", str(at), float(target)) for at, target in enumerate(targets)]
    config = TrainingConfig(LEVELS, regressor=RegressorConfig(hidden=(16,), max_epochs=3, threads=1), folds=3)
    return train([ExpertData(extractor.config, vectors)], examples, config)


@lru_cache(maxsize=1)
def small_artifact() -> Artifact:
    return Artifact(small_training().ensemble, "f" * 64, {"rmse": 0.48})
