"""What a picture must fulfil to be shown to raters, in figures that were measured at its import. Pure: no tables.

The rules are those of the published system's prescreening; each can be switched off, and each has its figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

from mlcore.quality import LIMITS, Fault, Quality

_LIMIT: Final = {limit.fault: limit.value for limit in LIMITS}


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

    The defaults are lenient, since what they reject no dermatologist sees. On 606 clinical photographs of 1024 pixels
    (ACNE04) they reject 3, as blurred; 60 of 60 drawn faces of all skin tones pass. Of those photographs made worse
    they reject 100 % blurred by 0.5 % of the side (83 % by 0.25 %), 99.8 % at a quarter of the light (82 % at a
    third), and 95 % at three times the light (28 % at twice). Noise of the camera hides blur. The rules about faces
    are off: a detector of frontal faces misses side views, and finds one in a fifth of the severest photographs only.
    """

    least_side: int | None = int(_LIMIT[Fault.SMALL])
    least_brightness: float | None = _LIMIT[Fault.DARK]
    most_bright: float | None = _LIMIT[Fault.BRIGHT]
    least_sharpness: float | None = _LIMIT[Fault.BLUR]
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


@dataclass(frozen=True, slots=True)
class Check:
    """One rule on one picture: what was found and what is asked, None where it was not measured or is not asked.

    figure: the words around the figure, such as "{} pixels".
    """

    rule: Rule
    figure: str
    found: float | None
    asked: float | None
    at_least: bool = True

    @property
    def passes(self) -> bool:
        if self.found is None or self.asked is None:
            return True
        return self.found >= self.asked if self.at_least else self.found <= self.asked

    @property
    def title(self) -> str:
        return TITLES[self.rule]

    @property
    def found_words(self) -> str:
        """The figure with as few digits as tell it from what is asked."""
        if self.found is None:
            return "not measured"
        digits = 0
        while self.asked is not None and digits < 4 and not self.passes and round(self.found, digits) == self.asked:
            digits += 1
        return self.figure.format(f"{self.found:.{digits}f}")

    @property
    def asked_words(self) -> str:
        return "not asked" if self.asked is None else f"at {'least' if self.at_least else 'most'} {self.asked:g}"


def judge(
    thresholds: Thresholds, quality: Quality | None, faces: int | None = None, face_share: float | None = None
) -> Failure | None:
    """The first rule that a picture fails, None when it passes. What was not measured (None) fails nothing.

    faces: how many the examination found. face_share: the largest one's height as a share of the picture's, 0 … 1.
    """
    for check in checks(thresholds, quality, faces, face_share):
        if not check.passes:
            words = f"{check.title}: {check.found_words}, asked {check.asked_words}."
            return Failure(check.rule, words, _REMEDIES[check.rule])
    return None


def checks(
    thresholds: Thresholds, quality: Quality | None, faces: int | None = None, face_share: float | None = None
) -> tuple[Check, ...]:
    """All rules on one picture, in the order in which they judge; the arguments as for `judge`."""
    side = min(quality.width, quality.height) if quality else None
    brightness, sharpness = (quality.brightness, quality.sharpness) if quality else (None, None)
    bright = _percent(quality.bright_share) if quality else None
    needs, most = 1 if thresholds.needs_face else None, 1 if thresholds.one_face else None
    least_face = _percent(thresholds.least_face)
    return (
        Check(Rule.SMALL, "shorter side {} pixels", side, thresholds.least_side),
        Check(Rule.DARK, "mean brightness {} of 255", brightness, thresholds.least_brightness),
        Check(Rule.BRIGHT, "{} % nearly white", bright, _percent(thresholds.most_bright), at_least=False),
        Check(Rule.BLUR, "sharpness {}", sharpness, thresholds.least_sharpness),
        Check(Rule.NO_FACE, "{} faces seen from the front", faces, needs),
        Check(Rule.MANY_FACES, "{} faces seen from the front", faces, most, at_least=False),
        Check(Rule.SMALL_FACE, "{} % of the picture’s height", _percent(face_share), least_face),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
