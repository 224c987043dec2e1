"""From a subject's truth to a picture: puts head, skin, acne, light, room and camera together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_canvas import CANVAS_TOP, Canvas, noise_field
from mlcore.synthetic_cohort import Purpose, stream
from mlcore.synthetic_features import JAW_Y, LABEL_HAIR, LABEL_SKIN, Outlines, curve, mirrored, outlines_of
from mlcore.synthetic_head import Y_STEP, Y_TOP, curtain_edge, direction_of
from mlcore.synthetic_lesions import Spot, Stamp, plan_lesions, stamp
from mlcore.synthetic_person import Person, draw_person
from mlcore.synthetic_records import CohortConfig, EyeBox, Face, Lesion, Subject
from mlcore.synthetic_scene import Faults, background, clothes, draw_faults, draw_light, expose, shading
from mlcore.synthetic_skin import REGIONS, draw_blemishes, paint_head, region_cells
from mlcore.synthetic_view import Camera, View

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_PX_PER_MM = 1.78
"""At 640 pixels high, before the subject's own distance."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The head before its camera, per pixel: theta (degrees), cover (0…1), label, and whether it is the neck."""

    theta: Singles
    cover: Singles
    label: Bytes
    skin: NDArray[np.bool_]


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
    canvas = Canvas(_PX_PER_MM * _unit(config), -subject.yaw, person.skin, LABEL_SKIN)
    paint_head(canvas, person, outlines, blemishes, (skin_stream, today))
    room = stream(subject.seed, Purpose.ROOM, subject.index)
    light = draw_light(room, subject.yaw, strength)
    head, seen = _render(view, canvas, person, *shading(view, light, person.oil))
    spots = plan_lesions(subject.severity, person.acne_regions, region_cells(), stream(subject.seed, Purpose.LESIONS, subject.index))
    lesions = [_place(spot, seen, view, person, blemishes.cover, head, light.direction) for spot in spots]
    scene = _compose(head, seen, room, camera, person)
    turn = cv2.getRotationMatrix2D((config.width / 2, config.height / 2), faults.roll, 1.0)
    return Face(
        pixels=expose(_rolled(scene, turn), faults),
        landmarks=_turned(turn, _landmarks(view, outlines)),
        left_eye=_eye_box(view, seen, outlines.eye, turn),
        right_eye=_eye_box(view, seen, mirrored(outlines.eye), turn),
        skin_mask=_rolled(seen.skin.astype(np.uint8), turn, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) > 0,
        lesions=tuple(_turned_lesion(turn, lesion) for lesion in lesions if lesion is not None),
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
        yaw=subject.yaw,
    )


def _render(view: View, canvas: Canvas, person: Person, factor: Singles, shine: Singles) -> tuple[Singles, _Seen]:
    theta, y, cover = view.surface()
    u, v = (theta - canvas.start) * canvas.per_degree, (y - CANVAS_TOP) * canvas.per_mm
    gu, gv = theta + 180, (y - Y_TOP) / Y_STEP
    colour = cv2.remap(canvas.colour, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    label = cv2.remap(canvas.label, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    lit = cv2.remap(factor, gu, gv, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    gloss = cv2.remap(shine, gu, gv, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    neck = cv2.remap(view.neck.astype(np.uint8), gu, gv, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    gloss[label > LABEL_SKIN] *= 0.4
    if view.shape.hair_low > 0:
        _hang(colour, lit, label, theta, y, person)
    head = cv2.multiply(colour, lit)
    head += gloss[..., None]
    skin = (label <= LABEL_SKIN) & (neck == 0) & (cover > 0.9)
    return np.asarray(head, np.float32), _Seen(theta, cover, np.asarray(label, np.uint8), skin)


def _hang(colour: Singles, lit: Singles, label: Bytes, theta: Singles, y: Singles, person: Person) -> None:
    """Long hair hangs straight in the picture, also where the surface turns abruptly from the neck to it; darker inside."""
    low = np.flatnonzero(y[:, 0] > -30)
    if len(low) == 0:
        return
    rows = slice(int(low[0]), len(label))
    inside = np.abs(theta[rows]) - curtain_edge(y[rows, :1])
    hanging = (label[rows] == LABEL_HAIR) & (inside > -1.5)
    strands = noise_field(*label.shape, 10, 0.9, 16.0, person.texture_seed // 17)[rows]
    depth = np.clip(0.5 + 0.4 * inside, 0.42, 1.0)
    shade = (1 + np.float32(0.16) * strands) * depth
    colour[rows][hanging] = shade[hanging][:, None] * np.array(person.hair_colour, np.float32)
    lit[rows][hanging & (inside < 1.3)] = np.float32(0.9)


def _place(
    spot: Spot, seen: _Seen, view: View, person: Person, hidden: float, head: Singles, light: tuple[float, float, float]
) -> Lesion | None:
    """Draw the lesion if it shows, and say where."""
    angle, height = np.array([spot.theta]), np.array([spot.y])
    x, y = (float(value[0]) for value in view.position(angle, height))
    column, row = round(x), round(y)
    rows, columns = seen.label.shape
    if not (2 <= column < columns - 2 and 2 <= row < rows - 2):
        return None
    if not seen.skin[row - 2 : row + 3, column - 2 : column + 3].all() or abs(seen.theta[row, column] - spot.theta) > 3:
        return None
    slant = view.slant(spot.theta, spot.y)
    if slant < 0.2:
        return None
    radius = spot.radius * view.camera.scale
    stamp(head, spot, Stamp(x, y, max(radius * slant, 0.6), max(radius, 0.6), light[:2]), person, hidden)
    region = int(seen.label[row, column])
    if not 1 <= region <= len(REGIONS):
        region = 3 if spot.theta > 0 else 4
    return Lesion(spot.kind, x, y, radius, REGIONS[region - 1])


def _compose(head: Singles, seen: _Seen, room: np.random.Generator, camera: Camera, person: Person) -> Singles:
    scene = background(room, camera.width, camera.height)
    start, shirt, worn, body = clothes(room, camera)
    lower = scene[start:]
    chest = np.array(person.skin, np.float32) * np.float32(0.72)
    lower += (chest - lower) * body[..., None]
    shown = np.flatnonzero(seen.cover.any(axis=0))
    middle = slice(int(shown[0]), int(shown[-1]) + 1)
    here = scene[:, middle]
    here += (head[:, middle] - here) * seen.cover[:, middle, None]
    above = ((seen.label[start:] == LABEL_HAIR) & (seen.cover[start:] > 0.5)) | seen.skin[start:]
    lower += (shirt - lower) * np.where(above, np.float32(0), worn)[..., None]
    return scene


def _rolled(image: Singles | Bytes, turn: Floats, how: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_REFLECT_101) -> Singles:
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
    rows, columns = seen.theta.shape
    inside = (x >= 0) & (x < columns - 1) & (y >= 0) & (y < rows - 1)
    column, row = np.where(inside, np.rint(x), 0).astype(int), np.where(inside, np.rint(y), 0).astype(int)
    shown = inside & (np.abs(seen.theta[row, column] - theta) < 4) & (seen.cover[row, column] > 0.5)
    if shown.mean() < 0.6:
        return None
    points = _turned(turn, np.stack([x, y], axis=1)[shown])
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return EyeBox(float(x0), float(y0), float(x1), float(y1))
