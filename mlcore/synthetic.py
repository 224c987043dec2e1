"""The synthetic cohort: parametric faces with known lesions, and a simulated panel that grades them.

    config = CohortConfig(size=300, seed=7)
    face = draw_face(cohort(config)[0], config)

It is the only source of faces in tests, demonstration, benchmarks and screenshots. Every random choice comes from
a stream named by (seed, purpose, person or index), so a subject's picture depends on nothing that was drawn before it.
"""

from __future__ import annotations

from mlcore.synthetic_cohort import cohort
from mlcore.synthetic_panel import PUBLISHED_PANEL, PUBLISHED_RMSE, SimulatedRater, simulate_panel
from mlcore.synthetic_portrait import draw_face, encode_jpeg
from mlcore.synthetic_records import (
    CohortConfig,
    EyeBox,
    Face,
    Hair,
    Lesion,
    LesionKind,
    Sex,
    SkinRegion,
    Subject,
)

__all__ = [
    "PUBLISHED_PANEL",
    "PUBLISHED_RMSE",
    "CohortConfig",
    "EyeBox",
    "Face",
    "Hair",
    "Lesion",
    "LesionKind",
    "Sex",
    "SimulatedRater",
    "SkinRegion",
    "Subject",
    "cohort",
    "draw_face",
    "encode_jpeg",
    "simulate_panel",
]
