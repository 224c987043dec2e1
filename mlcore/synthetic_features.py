"""Eyes, brows, nose, lips and ears: where they are and how they are painted.

Places are in mm on the average face, x to the right of the picture. The 68 points follow the iBUG scheme that dlib's
predictor was trained on; the same numbers place the paint and the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_canvas import Canvas
from mlcore.synthetic_person import Person

Floats = NDArray[np.float64]
Colour = tuple[float, float, float]

LABEL_NONE, LABEL_SKIN, LABEL_EYE, LABEL_BROW, LABEL_LIP, LABEL_HAIR = 0, 6, 10, 11, 12, 13
"""Labels 1–5 are the skin regions of `synthetic_lesions.REGIONS`, 6 is other skin of the face."""

JAW_Y: Floats = np.array([-1, 18, 37, 55, 72, 88, 101, 110.5, 114.0])
_BROW: Floats = np.array([(10, -18.0), (21, -23.2), (34, -25.8), (47, -23), (56.5, -14.5)])
_NOSE: Floats = np.array(
    [(0, -0.5), (0, 12.0), (0, 24.5), (0, 37), (-12.3, 46.4), (-6.3, 48.4), (0, 49.8), (6.3, 48.4), (12.3, 46.4)]
)
_EYE: Floats = np.array([(17.3, 2.4), (25, -3.9), (35, -4.2), (43.2, 0.8), (35.5, 4.9), (26, 5.2)])
_OUTER_LIP: Floats = np.array([(0, 63.6), (6, 62.0), (15, 64.6), (25, 70.0), (16, 76.2), (7.5, 79.0), (0, 79.6)])
_INNER_LIP: Floats = np.array([(0, 69.3), (7.5, 69.0), (21, 70.0), (7.5, 70.5), (0, 70.8)])


def mirrored(points: Floats) -> Floats:
    return np.asarray(points * np.array([-1.0, 1.0]))


@dataclass(frozen=True, slots=True)
class Outlines:
    """One person's features in mm: half of the face, x ≥ 0 (the subject's left), in the schemes' order outwards."""

    brow: Floats
    eye: Floats
    outer_lip: Floats
    inner_lip: Floats

    def inner_points(self) -> Floats:
        """Landmarks 17–67, (51, 2) in mm."""
        left_eye = self.eye
        right_eye = mirrored(left_eye)[[3, 2, 1, 0, 5, 4]]
        outer = np.concatenate([mirrored(self.outer_lip[3:0:-1]), self.outer_lip, mirrored(self.outer_lip[5:3:-1])])
        inner = np.concatenate([mirrored(self.inner_lip[2:0:-1]), self.inner_lip, mirrored(self.inner_lip[3:4])])
        return np.concatenate([mirrored(self.brow[::-1]), self.brow, _NOSE, right_eye, left_eye, outer, inner])


def outlines_of(person: Person, smile: float) -> Outlines:
    """`smile` lifts the corners of the mouth, mm."""
    brow = _BROW + np.array([0.0, -person.brow_raise])
    eye = _EYE * 1.0
    eye[[1, 2, 4, 5], 1] *= person.eye_height
    lips = []
    for lip, middle in ((_OUTER_LIP, 69.6), (_INNER_LIP, 69.8)):
        own = lip * np.array([person.mouth_width, 1.0])
        own[:, 1] = middle + (own[:, 1] - middle) * person.lip_height
        own[:, 1] -= smile * (np.abs(own[:, 0]) / 25) ** 2
        lips.append(own)
    return Outlines(brow, eye, lips[0], lips[1])


def curve(points: Floats, closed: bool, steps: int = 6) -> Floats:
    """A Catmull-Rom curve through `points`, `steps` a span."""
    if closed:
        ends = np.concatenate([points[-1:], points, points[:2]])
    else:
        ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (ends[i : len(ends) - 3 + i, None, :] for i in range(4))
    spans = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    line = spans.reshape(-1, 2)
    return line if closed else np.concatenate([line, points[-1:]])


def _disc(x: float, y: float, radius: float, squash: float = 1.0) -> Floats:
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * squash * np.sin(angle)], axis=1)


def _moved(points: Floats, dx: float, dy: float) -> Floats:
    return np.asarray(points + np.array([dx, dy]))


def _shade(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(colour, other, strict=True))
    return red, green, blue


def paint_eyes(canvas: Canvas, person: Person, outlines: Outlines, gaze: tuple[float, float]) -> None:
    """`gaze` moves both irises, mm."""
    dark = _shade(person.skin, 0.32)
    for side in (1.0, -1.0):
        flip = np.array([side, 1.0])
        eye = curve(outlines.eye * flip, closed=True)
        ball = canvas.on_face(eye)
        upper = curve(outlines.eye[:4] * flip, closed=False)
        lower = curve(outlines.eye[[3, 4, 5, 0]] * flip, closed=False)
        canvas.tint([canvas.on_face(_disc(side * 31, -1, 21, 0.62))], (0.9, 0.83, 0.83), 0.8, blur=5)
        canvas.stroke([canvas.on_face(_moved(upper, 0, -4.2))], 1.2, _shade(person.skin, 0.6), 0.75, blur=0.7)
        canvas.fill([ball], _mixed((222, 215, 209), person.skin, 0.2))
        canvas.mark([ball], LABEL_EYE)
        window, inside = canvas.mask([ball], 0.0, None)
        before = canvas.colour[window].copy()
        x, y = side * 31.2 + gaze[0], -0.6 + gaze[1]
        canvas.fill([canvas.on_face(_disc(x, y, 6.2))], _shade(person.iris, 0.55), 1.0, blur=0.3)
        canvas.fill([canvas.on_face(_disc(x, y, 5.2))], person.iris, 0.9, blur=0.5)
        canvas.fill([canvas.on_face(_disc(x, y, 2.4))], (18, 14, 13), 1.0, blur=0.2)
        canvas.fill([canvas.on_face(_disc(x - 1.8, y - 2.0, 1.1))], (250, 250, 250), 0.9, blur=0.15)
        canvas.tint(
            [canvas.on_face(np.concatenate([upper, _moved(upper, 0, 3)[::-1]]))], (0.5, 0.47, 0.47), 0.8, blur=0.8
        )
        canvas.colour[window] = before + (canvas.colour[window] - before) * inside[..., None]
        corner = outlines.eye[0] * flip + np.array([side * 1.2, 0])
        canvas.fill([canvas.on_face(_disc(corner[0], corner[1], 1.6))], person.lips, 0.7, blur=0.5)
        canvas.stroke([canvas.on_face(upper)], 1.1, _mixed(dark, (20, 14, 12), person.lashes), 0.95, blur=0.35)
        canvas.stroke(
            [canvas.on_face(_moved(upper[10:], side * 0.8, -0.9))], 0.9, (26, 18, 16), 0.7 * person.lashes, blur=0.3
        )
        canvas.stroke([canvas.on_face(lower)], 0.6, _shade(person.skin, 0.45), 0.6, blur=0.5)
        canvas.stroke([canvas.on_face(_moved(lower, 0, 4))], 1.4, _shade(person.skin, 0.75), 0.35, blur=1.5)


def paint_brows(canvas: Canvas, person: Person, outlines: Outlines, rng: np.random.Generator) -> None:
    hairs = 70
    along = np.sort(rng.uniform(0, 1, hairs))
    across = rng.uniform(-1, 1, hairs)
    lean = rng.normal(0, 0.25, hairs)
    colour = _mixed(_shade(person.hair_colour, 0.62), (24, 18, 16), 0.35)
    spine = curve(outlines.brow, closed=False)
    at = np.interp(along, np.linspace(0, 1, len(spine)), np.arange(len(spine)))
    middle = np.stack([np.interp(at, np.arange(len(spine)), spine[:, k]) for k in (0, 1)], axis=1)
    middle[:, 1] += 2.2 + across * 2.6 * person.brow_weight * (1 - 0.65 * along**2)
    angle = np.interp(along, (0, 0.3, 0.7, 1), (-1.25, -0.65, -0.1, 0.45)) + lean
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 3.4
    half = 2.2 * person.brow_weight
    body = np.concatenate([_moved(spine, 0, 2.2 - half), _moved(spine, 0, 2.2 + half)[::-1]])
    for side in (1.0, -1.0):
        flip = np.array([side, 1.0])
        canvas.fill([canvas.on_face(body * flip)], colour, 0.5, blur=1.3)
        ends = np.stack([middle - step, middle + step], axis=1) * flip
        texels = canvas.on_face(ends.reshape(-1, 2)).reshape(hairs, 2, 2)
        canvas.stroke(list(texels), 0.5, colour, 0.65, blur=0.25)
        canvas.mark([canvas.on_face(body * flip)], LABEL_BROW)


def paint_mouth(canvas: Canvas, person: Person, outlines: Outlines) -> None:
    lip, inner = outlines.outer_lip, outlines.inner_lip
    upper = np.concatenate([mirrored(lip[3:0:-1]), lip[:4], inner[1::-1], mirrored(inner[1:3])])
    lower = np.concatenate([lip[3:], mirrored(lip[5:2:-1]), mirrored(inner[3:4]), inner[4:2:-1]])
    whole = curve(np.concatenate([lip, mirrored(lip[5:0:-1])]), closed=True)
    canvas.fill([canvas.on_face(whole)], person.lips, 0.85, blur=0.9)
    canvas.tint([canvas.on_face(upper)], (0.84, 0.80, 0.80), 0.8, blur=1.2)
    canvas.tint([canvas.on_face(lower)], (1.06, 1.05, 1.06), 0.7, blur=1.5)
    seam = curve(_moved(np.concatenate([mirrored(inner[2:0:-1]), inner[:3]]), 0, 0.4), closed=False)
    canvas.stroke([canvas.on_face(seam)], 1.0, _shade(person.lips, 0.36), 0.85, blur=0.5)
    canvas.mark([canvas.on_face(whole)], LABEL_LIP)


def paint_nose(canvas: Canvas, person: Person) -> None:
    dark = _shade(person.skin, 0.33)
    for side in (1.0, -1.0):
        canvas.fill([canvas.on_face(_disc(side * 7.2, 46.0, 3.6, 0.55))], dark, 0.85, blur=0.8)
        wing = np.array([(13.5, 34.5), (17.2, 39.5), (16.2, 45.0), (12.5, 46.8)]) * [side, 1]
        canvas.stroke([canvas.on_face(curve(wing, closed=False))], 1.2, _shade(person.skin, 0.5), 0.5, blur=1.0)
    canvas.tint([canvas.on_face(_disc(0, 47.5, 10, 0.3))], (0.72, 0.66, 0.66), 0.8, blur=1.5)


def paint_ears(canvas: Canvas, person: Person) -> None:
    fold = np.array([(92, -4), (95, -9), (101, -9), (106, 0), (107, 14), (105, 28), (100, 37), (96, 39)], float)
    bowl = np.array([(95, 8), (99, 6), (101, 14), (100, 23), (96, 26), (94, 18)], float)
    ridge = np.array([(94, 2), (99, -2), (103, 6), (103, 18)], float)
    for side in (1.0, -1.0):
        canvas.tint([canvas.on_side(curve(bowl, closed=True) * [side, 1])], (0.66, 0.56, 0.53), 0.7, blur=1.8)
        for line, strength in ((fold, 0.35), (ridge, 0.3)):
            path = canvas.on_side(curve(line, closed=False) * np.array([side, 1.0]))
            canvas.stroke([path], 1.4, _shade(person.skin, 0.55), strength, blur=1.0)
