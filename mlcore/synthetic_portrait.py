"""From a subject's truth to a picture: puts head, skin, acne, light, room and camera together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_canvas import CANVAS_TOP, Canvas, in_colour, noise_field
from mlcore.synthetic_cohort import Purpose, stream
from mlcore.synthetic_features import JAW_Y, LABEL_HAIR, LABEL_SKIN, Outlines, curve, mirrored, outlines_of
from mlcore.synthetic_head import Y_STEP, Y_TOP, curtain_edge, direction_of
from mlcore.synthetic_lesions import REGIONS, Spot, Stamp, plan_lesions, stamp
from mlcore.synthetic_person import Person, draw_person
from mlcore.synthetic_records import CohortConfig, EyeBox, Face, Lesion, Subject
from mlcore.synthetic_scene import background, clothes, draw_faults, draw_light, expose, shading
from mlcore.synthetic_skin import draw_blemishes, paint_head, region_cells
from mlcore.synthetic_view import Camera, Surface, View

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_PX_PER_MM = 1.78
"""At 640 pixels high, before the subject's own distance."""
_CORNEA = 1.0
"""How far the cornea stands out of the eye, mm."""
_LEAST_SLANT = 0.2
"""A lesion seen more edge-on than this does not show."""
_ARM = 500.0
"""From the middle of the head to the phone, mm."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The head in the columns of `surface`: each pixel's label, and whether it is skin of the face."""

    surface: Surface
    label: Bytes
    skin: NDArray[np.bool_]

    def shows(self, x: float, y: float, theta: float, slack: float) -> bool:
        """Whether the pixel at (x, y) of the picture shows the head at that theta, within `slack` degrees."""
        column, row = round(x) - self.surface.left, round(y)
        rows, columns = self.label.shape
        if not (0 <= column < columns and 0 <= row < rows):
            return False
        return bool(abs(self.surface.theta[row, column] - theta) < slack and self.surface.cover[row, column] > 0.5)

    def clear(self, x: float, y: float) -> bool:
        """Whether there is only skin for two pixels around (x, y) of the picture."""
        column, row = round(x) - self.surface.left, round(y)
        around = self.skin[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        return around.size == 25 and bool(around.all())


def draw_face(subject: Subject, config: CohortConfig) -> Face:
    """The picture of `subject` with its truth. `config.confounders` changes the pixels, never the truth."""
    person = draw_person(stream(subject.seed, Purpose.FACE, subject.person_number), subject, len(REGIONS))
    strength = config.confounders
    today = stream(subject.seed, Purpose.TODAY, subject.index)
    skin_stream = stream(subject.seed, Purpose.SKIN, subject.person_number)
    blemishes = draw_blemishes(skin_stream, today, subject, person, strength)
    camera_stream = stream(subject.seed, Purpose.CAMERA, subject.index)
    camera = _camera(camera_stream, subject, config)
    faults = draw_faults(camera_stream, strength)
    view = View(person.shape, camera)
    outlines = outlines_of(person, smile=float(stream(subject.seed, Purpose.GAZE, subject.index).normal(0.6, 0.8)))
    canvas = Canvas(_PX_PER_MM * _unit(config), -camera.yaw, person.skin, LABEL_SKIN)
    lead = _CORNEA * float(np.sin(np.radians(camera.yaw)))
    paint_head(canvas, person, outlines, blemishes, (skin_stream, today), lead)
    room = stream(subject.seed, Purpose.ROOM, subject.index)
    light = draw_light(room, camera.yaw, strength)
    head, seen = _render(view, canvas, person, shading(view, light, person.oil))
    lesion_stream = stream(subject.seed, Purpose.LESIONS, subject.index)
    spots = plan_lesions(subject.severity, person.acne_regions, region_cells(), lesion_stream, config)
    lesions = _show(spots, seen, view, person, blemishes.cover, head, light.direction[:2])
    scene = _compose(head, seen, room, camera, person)
    middle = (config.width / 2, config.height / 2)
    turn = np.asarray(cv2.getRotationMatrix2D(middle, faults.roll, 1.0), np.float64)
    return Face(
        pixels=expose(_rolled(scene, turn), faults),
        landmarks=_turned(turn, _landmarks(view, outlines)),
        left_eye=_eye_box(view, seen, outlines.eye, turn),
        right_eye=_eye_box(view, seen, mirrored(outlines.eye), turn),
        skin_mask=_rolled(_whole(seen, config), turn, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) > 0,
        lesions=tuple(_turned_lesion(turn, lesion) for lesion in lesions),
        subject=subject,
    )


def encode_jpeg(face: Face, quality: int = 92) -> bytes:
    """The picture as a JPEG file, without metadata. Raises ValueError if the codec refuses it."""
    done, data = cv2.imencode(".jpg", face.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture could not be encoded")
    return data.tobytes()


def _unit(config: CohortConfig) -> float:
    """The picture's size over the usual 480 × 640."""
    return min(config.height / 640, config.width / 480)


def _camera(rng: np.random.Generator, subject: Subject, config: CohortConfig) -> Camera:
    unit = _unit(config)
    scale = _PX_PER_MM * unit * float(np.clip(rng.normal(1, 0.05), 0.9, 1.12))
    side = -26 * np.sin(np.radians(subject.yaw)) * scale
    return Camera(
        width=config.width,
        height=config.height,
        scale=scale,
        x=config.width / 2 + float(side + rng.normal(0, 8) * unit),
        y=config.height * 0.46 + float(np.clip(rng.normal(0, 10), -20, 20)) * unit,
        yaw=_seen_yaw(subject.yaw),
    )


def _seen_yaw(yaw: float) -> float:
    """The turn at which the front of the face shows itself to a phone at arm's length, degrees.

    The front of a turned face is off the camera's axis, and so is seen more from the side than the head is turned.
    """
    turn = np.radians(yaw)
    front = 88.0
    more = np.degrees(np.arctan2(front * np.sin(turn), _ARM - front * np.cos(turn)))
    return float(np.clip(yaw + more, -90, 90))


def _render(view: View, canvas: Canvas, person: Person, light: tuple[Singles, Singles]) -> tuple[Singles, _Seen]:
    """The lit head in its columns of the picture, and what is seen there."""
    surface = view.surface()
    theta, y = surface.theta, np.broadcast_to(surface.y[:, None], surface.theta.shape)
    u, v = (theta - canvas.start) * canvas.per_degree, (y - CANVAS_TOP) * canvas.per_mm
    gu, gv = theta + 180, (y - Y_TOP) / Y_STEP
    head = _lookup(canvas.colour, u, v)
    label = np.asarray(cv2.remap(canvas.label, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    lit, gloss = _lookup(light[0], gu, gv), _lookup(light[1], gu, gv)
    neck = cv2.remap(view.neck.astype(np.uint8), gu, gv, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    gloss[label > LABEL_SKIN] *= np.float32(0.4)
    if view.shape.hair_low > 0:
        _hang(head, lit, label, surface, person)
    head *= lit
    head += in_colour(gloss)
    skin = (label <= LABEL_SKIN) & (neck == 0) & (surface.cover > 0.9)
    return head, _Seen(surface, label, skin)


def _lookup(image: Singles, u: Singles, v: Singles) -> Singles:
    return np.asarray(cv2.remap(image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _hang(colour: Singles, lit: Singles, label: Bytes, surface: Surface, person: Person) -> None:
    """Long hair hangs straight, also where the surface turns abruptly from the neck to it; darker inside."""
    low = np.flatnonzero(surface.y > -45)
    if len(low) == 0:
        return
    rows = slice(int(low[0]), len(label))
    y = surface.y[rows, None]
    inside = np.abs(surface.theta[rows]) - curtain_edge(y).astype(np.float32)
    hanging = (inside > -1.5) & ((label[rows] == LABEL_HAIR) | (y < person.shape.hair_low - 1))
    label[rows][hanging] = LABEL_HAIR
    strands = noise_field(len(label), 2 * len(label), 10, 0.9, 16.0, person.texture_seed // 17)[rows, : inside.shape[1]]
    depth = np.clip(0.5 + 0.4 * inside, 0.42, 1.0)
    shade = (1 + np.float32(0.16) * strands) * depth
    fade = np.broadcast_to(np.clip((y + 45) / 40, 0, 1), hanging.shape)[hanging][:, None]
    target = shade[hanging][:, None] * np.array(person.hair_colour, np.float32)
    colour[rows][hanging] = colour[rows][hanging] * (1 - fade) + target * fade
    lit[rows][hanging & (inside < 1.3)] = np.float32(0.9)


def _show(
    spots: list[Spot], seen: _Seen, view: View, person: Person, hidden: float, head: Singles, light: tuple[float, float]
) -> list[Lesion]:
    """Draw those lesions that show, and say where they are."""
    if not spots:
        return []
    theta, y = np.array([spot.theta for spot in spots]), np.array([spot.y for spot in spots])
    places, slants = np.stack(view.position(theta, y), axis=1).tolist(), view.slant(theta, y).tolist()
    lesions = []
    for spot, (x, down), slant in zip(spots, places, slants, strict=True):
        if slant < _LEAST_SLANT or not seen.clear(x, down) or not seen.shows(x, down, spot.theta, 3.0):
            continue
        radius = spot.radius * view.camera.scale
        at = Stamp(x - seen.surface.left, down, max(radius * slant, 0.6), max(radius, 0.6), light)
        stamp(head, spot, at, person, hidden)
        lesions.append(Lesion(spot.kind, x, down, radius, spot.region))
    return lesions


def _compose(head: Singles, seen: _Seen, room: np.random.Generator, camera: Camera, person: Person) -> Singles:
    scene = background(room, camera.width, camera.height)
    start, shirt, worn, body = clothes(room, camera)
    lower = scene[start:]
    chest = np.array(person.skin, np.float32) * np.float32(0.72)
    lower += (chest - lower) * in_colour(body)
    middle = slice(seen.surface.left, seen.surface.left + head.shape[1])
    here = scene[:, middle]
    here += (head - here) * in_colour(seen.surface.cover)
    above = ((seen.label[start:] == LABEL_HAIR) & (seen.surface.cover[start:] > 0.5)) | seen.skin[start:]
    worn[:, middle][above] = 0
    lower += (shirt - lower) * in_colour(worn)
    return scene


def _whole(seen: _Seen, config: CohortConfig) -> Bytes:
    """The skin's mask over the whole picture."""
    mask = np.zeros((config.height, config.width), np.uint8)
    mask[:, seen.surface.left : seen.surface.left + seen.skin.shape[1]] = seen.skin
    return mask


def _rolled(
    image: Singles | Bytes, turn: Floats, how: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_REFLECT_101
) -> Singles:
    height, width = image.shape[:2]
    return np.asarray(cv2.warpAffine(image, turn, (width, height), flags=how, borderMode=border))


def _turned(turn: Floats, points: Floats) -> Floats:
    return np.asarray(points @ turn[:, :2].T + turn[:, 2])


def _turned_lesion(turn: Floats, lesion: Lesion) -> Lesion:
    x, y = _turned(turn, np.array([[lesion.x, lesion.y]]))[0]
    return Lesion(lesion.kind, float(x), float(y), lesion.radius, lesion.region)


def _landmarks(view: View, outlines: Outlines) -> Floats:
    points = outlines.inner_points()
    x, y = view.position(direction_of(points), points[:, 1])
    return np.concatenate([view.jaw(JAW_Y), np.stack([x, y], axis=1)])


def _eye_box(view: View, seen: _Seen, eye: Floats, turn: Floats) -> EyeBox | None:
    """The box of the eye's opening, or None when most of it is behind the face."""
    outline = curve(eye, closed=True)
    theta = direction_of(outline)
    x, y = view.position(theta, outline[:, 1])
    shown = np.array([seen.shows(*place, slack=4.0) for place in zip(x, y, theta, strict=True)])
    if shown.mean() < 0.6:
        return None
    points = _turned(turn, np.stack([x, y], axis=1)[shown])
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return EyeBox(float(x0), float(y0), float(x1), float(y1))
