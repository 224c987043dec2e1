"""What a picture must fulfil to be shown to raters, in figures that were measured at its import. Pure: no tables.

The rules are those of the published system's prescreening; each can be switched off, and each has its figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

from mlcore.quality import Quality


class Rule(StrEnum):
    """What rejected a picture; kept in `Image.rejected_code`. LEAD is no rule but a lead's word."""

    SMALL = "small"
    DARK = "dark"
    BRIGHT = "bright"
    BLUR = "blur"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    SMALL_FACE = "small_face"
    LEAD = "lead"


# In the order in which they judge: a dark picture is blurred too by its figure, but its light is what to mend.
TITLES: Final[Mapping[str, str]] = {
    Rule.SMALL: "Too few pixels",
    Rule.DARK: "Under-exposed",
    Rule.BRIGHT: "Over-exposed",
    Rule.BLUR: "Blurred",
    Rule.NO_FACE: "No face found",
    Rule.MANY_FACES: "Several faces found",
    Rule.SMALL_FACE: "Face too small",
    Rule.LEAD: "Rejected by the study lead",
}

_REMEDIES: Final[Mapping[Rule, str]] = {
    Rule.SMALL: "Import the photograph in its original size.",
    Rule.DARK: "Take it again in even daylight, facing the window.",
    Rule.BRIGHT: "Take it again without flash or direct sun.",
    Rule.BLUR: "Take it again with a steady hand and the skin in focus.",
    Rule.NO_FACE: "Take it again with the whole face in view, or keep it nevertheless: side views often have none.",
    Rule.MANY_FACES: "Cut the picture to one face.",
    Rule.SMALL_FACE: "Take it again from nearer, or cut it to the face.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Which rule a picture fails, in words with both figures, and what to do about it."""

    code: Rule
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A study's thresholds; None switches a rule off.

    least_side: pixels of the shorter side. least_brightness: mean luma, 0 … 255. most_bright: share of pixels with
    luma over 240, 0 … 1. least_sharpness: variance of the Laplacian on a copy of 640 pixels. least_face: the largest
    face's height as a share of the picture's, 0 … 1.

    The defaults are lenient, since what they reject no dermatologist sees. On 606 clinical photographs (1024 pixels,
    ACNE04) they reject 1, a blurred one, and 60 of 60 drawn faces of all six skin tones pass; of the same photographs
    made worse they reject all blurred by 0.5 % of the side, 94 % at a quarter of the light, and 95 % at three times
    the light. The rules about faces are off: a detector of frontal faces misses side views, and finds a face in a
    fifth of the severest photographs only.
    """

    least_side: int | None = 256
    least_brightness: float | None = 35
    most_bright: float | None = 0.4
    least_sharpness: float | None = 4
    needs_face: bool = False
    one_face: bool = False
    least_face: float | None = None

    @classmethod
    def off(cls) -> Self:
        """Nothing is asked of a picture."""
        return cls(least_side=None, least_brightness=None, most_bright=None, least_sharpness=None)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """From `Study.prescreen`: what is missing has its default; a name that is no threshold is passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def to_store(self) -> dict[str, Any]:
        """What differs from the defaults, for `Study.prescreen`."""
        usual = asdict(Thresholds())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def judge(
    thresholds: Thresholds, quality: Quality | None, faces: int | None = None, face_share: float | None = None
) -> Failure | None:
    """The first rule that a picture fails, None when it passes. What was not measured (None) fails nothing.

    faces: how many the examination found. face_share: the largest one's height as a share of the picture's, 0 … 1.
    """
    found = _judge_quality(thresholds, quality) if quality is not None else None
    return found or _judge_faces(thresholds, faces, face_share)


def _judge_quality(asked: Thresholds, quality: Quality) -> Failure | None:
    side = min(quality.width, quality.height)
    if asked.least_side is not None and side < asked.least_side:
        return _failure(Rule.SMALL, f"shorter side {side} pixels, asked at least {asked.least_side}")
    if asked.least_brightness is not None and quality.brightness < asked.least_brightness:
        light = _figures(quality.brightness, asked.least_brightness)
        return _failure(Rule.DARK, f"mean brightness {light[0]} of 255, asked at least {light[1]}")
    if asked.most_bright is not None and quality.bright_share > asked.most_bright:
        share = _figures(100 * quality.bright_share, 100 * asked.most_bright)
        return _failure(Rule.BRIGHT, f"{share[0]} % of it nearly white, asked at most {share[1]} %")
    if asked.least_sharpness is not None and quality.sharpness < asked.least_sharpness:
        sharp = _figures(quality.sharpness, asked.least_sharpness)
        return _failure(Rule.BLUR, f"sharpness {sharp[0]}, asked at least {sharp[1]}")
    return None


def _judge_faces(asked: Thresholds, faces: int | None, face_share: float | None) -> Failure | None:
    if asked.needs_face and faces == 0:
        return _failure(Rule.NO_FACE, "asked for one, seen from the front")
    if asked.one_face and faces is not None and faces > 1:
        return _failure(Rule.MANY_FACES, f"{faces} faces, asked for one at most")
    if asked.least_face is not None and face_share is not None and face_share < asked.least_face:
        share = _figures(100 * face_share, 100 * asked.least_face)
        return _failure(Rule.SMALL_FACE, f"{share[0]} % of the picture’s height, asked at least {share[1]} %")
    return None


def _failure(rule: Rule, words: str) -> Failure:
    return Failure(rule, f"{TITLES[rule]}: {words}.", _REMEDIES[rule])


def _figures(found: float, asked: float) -> tuple[str, str]:
    """Both figures with as few digits as keep them apart."""
    for digits in range(4):
        if f"{found:.{digits}f}" != f"{asked:.{digits}f}":
            break
    return f"{found:.{digits}f}", f"{asked:g}"
