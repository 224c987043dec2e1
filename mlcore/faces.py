"""Finds faces, landmarks and eyes in a picture: the only importer of dlib.

No model is loaded before it is asked for. A finder keeps its detectors, so make one per process and pass it on;
it is not meant to be shared between threads.
"""

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from mlcore.records import Box, Eye, Landmarks, Pixels, Side

DETECTION_SIDE: Final = 480
EYE_SIDE: Final = 640
EMBEDDING_SIZE: Final = 128
PREDICTOR_FILE: Final = "shape_predictor_68_face_landmarks.dat"
RECOGNISER_FILE: Final = "dlib_face_recognition_resnet_model_v1.dat"
EYE_CASCADE_FILE: Final = "haarcascade_eye.xml"

# The published one-eye model's measures, as shares of the picture.
MIN_EYE_SHARE: Final = 0.04
MAX_EYE_SHARE: Final = 0.15
EYE_MARGIN: Final = 0.1


class FaceModelMissing(RuntimeError):
    """A detector's model file is not where its package should have put it."""


class FaceFinder:
    """dlib's frontal detector, 68 landmarks and face embedding, and OpenCV's eye cascade."""

    def __init__(self, predictor_path: Path | None = None, *, published: bool = False) -> None:
        """published: search the full picture as the publication did (some 0.4 s a megapixel), to compare with it."""
        self._predictor_path = predictor_path
        self._published = published

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        """The landmarks of the largest roughly frontal face, or None.

        The detector runs on a copy of at most 480 pixels on its longer side, upsampled once, where it sees faces from
        a twelfth of that side; the landmarks are then read at full size. In published mode the detector too runs on
        the full picture, upsampled once.

        weakest: the least confidence; the detector is sure above 0. Under that, its best guess is given where it is
        sure of none: faces turned far away are among them, and cheeks and ears too.
        """
        scale, small = (1.0, np.ascontiguousarray(rgb)) if self._published else _shrunk(rgb, DETECTION_SIDE)
        found, confidences, _ = self._detector.run(small, 1, weakest)
        if not found:
            return None
        faces = sorted(zip(found, confidences, strict=True), key=lambda face: (face[1] <= 0, -face[0].area()))
        if faces[0][1] <= 0:
            faces = [max(faces, key=lambda face: face[1])]
        largest, confidence = faces[0]
        box = Box(
            round(largest.left() / scale),
            round(largest.top() / scale),
            round((largest.right() + 1) / scale),
            round((largest.bottom() + 1) / scale),
        )
        sure = sum(confidence > 0 for confidence in confidences)
        return Landmarks(self._landmarks(rgb, box), box, sure, float(confidence))

    def embedding(self, rgb: Pixels, face: Landmarks) -> NDArray[np.float32]:
        """Who it is: (128,) float32. Faces of one person lie close to each other by Euclidean distance.

        The network of dlib's author (D. E. King, 2017), which joins under 0.6 and is then right for 99.38 % of the
        pairs of Labeled Faces in the Wild; clusters need a stricter threshold, see `mlcore.persons`.
        """
        points = dlib.points([dlib.point(round(x), round(y)) for x, y in face.points.tolist()])
        rectangle = dlib.rectangle(face.box.x0, face.box.y0, face.box.x1 - 1, face.box.y1 - 1)
        shape = dlib.full_object_detection(rectangle, points)
        found = self._recogniser.compute_face_descriptor(np.ascontiguousarray(rgb), shape)
        return np.array(found, dtype=np.float32)

    def eyes(self, rgb: Pixels) -> tuple[Box, ...]:
        """All eyes that the cascade finds, largest first."""
        scale, small = _shrunk(rgb, EYE_SIDE)
        smallest = max(20, int(MIN_EYE_SHARE * min(small.shape[:2])))
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        found = self._eye_cascade.detectMultiScale(grey, 1.1, 5, minSize=(smallest, smallest))
        boxes = (
            Box(round(x / scale), round(y / scale), round((x + w) / scale), round((y + h) / scale))
            for x, y, w, h in np.asarray(found, dtype=np.int64).reshape(-1, 4).tolist()
        )
        return tuple(sorted(boxes, key=lambda box: (-box.area, box.x0, box.y0)))

    def one_eye(self, rgb: Pixels) -> Eye | None:
        """The largest plausible eye of a face seen from the side, or None.

        Plausible is one whose left edge is not in the picture's outer tenths. An eye wider than 15 % of the picture
        is shrunk about its centre to that, as published. The calmer side beside it is taken for the cheek.
        """
        height, width = rgb.shape[:2]
        for box in self.eyes(rgb):
            if EYE_MARGIN * width <= box.x0 <= (1 - EYE_MARGIN) * width:
                fitted = _fit_eye(box, width, height)
                return Eye(fitted, _side_in_view(rgb, fitted))
        return None

    def _landmarks(self, rgb: Pixels, face: Box) -> NDArray[np.float64]:
        rectangle = dlib.rectangle(face.x0, face.y0, face.x1 - 1, face.y1 - 1)
        shape = self._predictor(np.ascontiguousarray(rgb), rectangle)
        return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)

    @cached_property
    def _detector(self) -> Any:
        return dlib.get_frontal_face_detector()

    @cached_property
    def _predictor(self) -> Any:
        path = self._predictor_path or _packaged(PREDICTOR_FILE)
        if not path.is_file():
            raise FaceModelMissing(f"The landmark model {path} is missing.")
        return dlib.shape_predictor(str(path))

    @cached_property
    def _recogniser(self) -> Any:
        path = _packaged(RECOGNISER_FILE)
        if not path.is_file():
            raise FaceModelMissing(f"The face recognition model {path} is missing.")
        return dlib.face_recognition_model_v1(str(path))

    @cached_property
    def _eye_cascade(self) -> cv2.CascadeClassifier:
        path = Path(cv2.__file__).parent / "data" / EYE_CASCADE_FILE
        cascade = cv2.CascadeClassifier(str(path))
        if cascade.empty():
            raise FaceModelMissing(f"The eye cascade {path} is missing.")
        return cascade


def _packaged(file: str) -> Path:
    """Where the package of models lies; it is not imported, as its import needs the retired pkg_resources."""
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or not package.submodule_search_locations:
        raise FaceModelMissing("The package face_recognition_models, which holds dlib's models, is not installed.")
    return Path(package.submodule_search_locations[0]) / "models" / file


def _shrunk(rgb: Pixels, longest: int) -> tuple[float, Pixels]:
    """The picture, shrunk to at most that many pixels on its longer side, and the scale."""
    height, width = rgb.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return 1.0, np.ascontiguousarray(rgb)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Halving first takes a fourth of the time.
    while max(rgb.shape[:2]) >= 4 * longest:
        halves = rgb.shape[1] // 2, rgb.shape[0] // 2
        rgb = np.asarray(cv2.resize(rgb, halves, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return scale, np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _fit_eye(box: Box, width: int, height: int) -> Box:
    if box.width <= MAX_EYE_SHARE * width and box.height <= MAX_EYE_SHARE * height:
        return box
    side = int(MAX_EYE_SHARE * min(width, height))
    x0, y0 = (box.x0 + box.x1 - side) // 2, (box.y0 + box.y1 - side) // 2
    return Box(x0, y0, x0 + side, y0 + side)


def _side_in_view(rgb: Pixels, eye: Box) -> Side:
    """Which cheek is in view: skin is calm, while nose, hair and background beside the eye are not.

    Compares the standard deviation of luma half an eye wide on each side, one and a half eyes down.
    """
    half, below = eye.width // 2, eye.y1 + 3 * eye.height // 2
    after = Box(eye.x1, eye.y1, eye.x1 + half, below)
    before = Box(eye.x0 - half, eye.y1, eye.x0, below)
    return Side.RIGHT if _unrest(rgb, after) > _unrest(rgb, before) else Side.LEFT


def _unrest(rgb: Pixels, box: Box) -> float:
    inside = box.clipped(rgb.shape[1], rgb.shape[0])
    if inside.area == 0:
        return float("inf")
    return float(cv2.cvtColor(rgb[inside.y0 : inside.y1, inside.x0 : inside.x1], cv2.COLOR_RGB2GRAY).std())
