"""What the API answers, field by field; the OpenAPI page is made from these classes."""

from __future__ import annotations

from typing import Literal

from ninja import Field, Schema

from mlcore.scorer import PatchScore, Score
from scoring.loaded import LoadedRun, ScaleLevel


class LevelOut(Schema):
    value: float
    name: str

    @classmethod
    def of(cls, level: ScaleLevel) -> LevelOut:
        return cls(value=level.value, name=level.name)


class PatchOut(Schema):
    """A patch of skin: columns x0 … x1 - 1 and rows y0 … y1 - 1 of the upright picture, and its own score."""

    region: str = Field(description="forehead, left_cheek, right_cheek or chin; left and right are the subject's own")
    x0: int
    y0: int
    x1: int
    y1: int
    score: float = Field(description="severity of this patch alone, not clipped to the scale")

    @classmethod
    def of(cls, patch: PatchScore) -> PatchOut:
        box = patch.box
        return cls(region=patch.region, x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1, score=patch.score)


class ImageOut(Schema):
    """Size in pixels of the upright picture (after its EXIF orientation), which the boxes refer to."""

    width: int
    height: int


class ReasonOut(Schema):
    code: str
    message: str


class RunOut(Schema):
    """Which model answered."""

    id: int
    number: int
    study: str
    artifact: str = Field(description="sha256 of the artifact's facts file, which holds that of the model's tensors")
    extractor: str = Field(description="id of the configuration that finds patches and turns them into features")


class ScoreOut(Schema):
    severity: float | None = Field(description="mean of the patches' scores, within the scale; null if refused")
    level: LevelOut | None = Field(description="the level nearest to the severity; null if refused")
    route: str = Field(description="how the patches were found: aligned, one_eye, or refused")
    reason: ReasonOut | None = Field(description="why the picture was refused; null if it has a severity")
    patches: list[PatchOut]
    image: ImageOut
    scale: list[LevelOut] = Field(description="the study's levels, rising")
    run: RunOut

    @classmethod
    def of(cls, loaded: LoadedRun, score: Score) -> ScoreOut:
        graded = score.severity is not None
        return cls(
            severity=score.severity,
            level=LevelOut.of(loaded.level_of(score.severity)) if score.severity is not None else None,
            route=score.route,
            reason=None if graded else ReasonOut(code=score.code, message=score.reason),
            patches=[PatchOut.of(patch) for patch in score.patches],
            image=ImageOut(width=score.width, height=score.height),
            scale=[LevelOut.of(level) for level in loaded.scale],
            run=RunOut(
                id=loaded.run_id,
                number=loaded.number,
                study=loaded.study,
                artifact=loaded.artifact,
                extractor=loaded.extractor,
            ),
        )


class StatusOut(Schema):
    status: Literal["ok", "ready"]


class ErrorOut(Schema):
    """Any answer that is not 200."""

    error: ReasonOut
