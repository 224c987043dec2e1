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
    """A patch of skin, or the whole face: columns x0 … x1 - 1 and rows y0 … y1 - 1 of the upright picture; and its
    own score."""

    region: str = Field(
        description="forehead, left_cheek, right_cheek, chin, skin (its place on the face is not known), or face (the "
        "whole of it); left and right are the subject's own"
    )
    x0: int
    y0: int
    x1: int
    y1: int
    score: float = Field(description="severity of this patch alone, not clipped to the scale")
    weight: float = Field(description="its share in the picture's severity; the shares sum to 1")

    @classmethod
    def of(cls, patch: PatchScore) -> PatchOut:
        box = patch.box
        return cls(
            region=patch.region, x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1, score=patch.score, weight=patch.weight
        )


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
    extractors: list[str] = Field(description="ids of the configurations that find patches and turn them into features")


class ScoreOut(Schema):
    severity: float | None = Field(
        description="weighted mean of the patches' scores, within the scale; null if refused"
    )
    level: LevelOut | None = Field(description="the level nearest to the severity; null if refused")
    route: str = Field(description="how the patches were found: aligned, one_eye, skin_only, or refused")
    reason: ReasonOut | None = Field(description="why the picture was refused; null if it has a severity")
    warning: ReasonOut | None = Field(description="what to know of a picture that was scored; null for nothing")
    patches: list[PatchOut]
    image: ImageOut
    scale: list[LevelOut] = Field(description="the study's levels, rising")
    run: RunOut

    @classmethod
    def of(cls, loaded: LoadedRun, score: Score) -> ScoreOut:
        graded = score.severity is not None
        said = ReasonOut(code=score.code, message=score.reason) if score.code else None
        return cls(
            severity=score.severity,
            level=LevelOut.of(loaded.level_of(score.severity)) if score.severity is not None else None,
            route=score.route,
            reason=None if graded else said,
            warning=said if graded else None,
            patches=[PatchOut.of(patch) for patch in score.patches],
            image=ImageOut(width=score.width, height=score.height),
            scale=[LevelOut.of(level) for level in loaded.scale],
            run=RunOut(
                id=loaded.run_id,
                number=loaded.number,
                study=loaded.study,
                artifact=loaded.artifact,
                extractors=list(loaded.extractors),
            ),
        )


class StatusOut(Schema):
    status: Literal["ok", "ready"]


class ErrorOut(Schema):
    """Any answer that is not 200."""

    error: ReasonOut
