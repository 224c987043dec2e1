"""From a picture to where its skin is: by landmarks, else by one eye, else by colour alone, else refused with a reason.

Never the whole picture as if it were skin. The order, as each step costs more or tells less than the one before:

1. a frontal face of which the detector is sure;
2. one in a mirrored or turned copy;
3. the detector's best guess, if that is most of the skin in the picture: faces turned far away;
4. one eye, in a profile if the profile cascade finds one;
5. skin by its colour.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mlcore import patches
from mlcore.faces import FaceFinder
from mlcore.patches import GEOMETRIES, GOLDFOLD, PUBLISHED
from mlcore.records import Box, Cut, Finder, Landmarks, Located, Patch, Pixels, Region, Route
from mlcore.side_views import SideViews
from mlcore.skin import Skin, find_skin, from_skin
from mlcore.turning import TurnedFace, find_turned

FINDER_VERSION: Final = "dlib-480-3"
NO_FACE: Final = ("no_face", "No face and no eye was found in the picture.")
NO_SKIN: Final = ("no_skin", "A face was found, but no patch of skin large enough is in the picture.")
NOTHING: Final = ("no_face", "No face, no eye and no skin was found in the picture.")

# The detector's confidence from which its best guess is looked at, and what must hold of it: its side over the skin's
# extent, and the share of it that is skin. Chosen on 117 clinical photographs (ACNE04) by eye.
GUESS: Final = -0.3
_GUESS_OF_EXTENT: Final = 0.6
_GUESS_ON_SKIN: Final = 0.7
# Of twice its sides around it, of which a face and its neck are less than half: as much skin is a larger face.
_MOST_AROUND: Final = 0.55
# Of the picture's shorter side; and a confidence.
_SMALL_FACE: Final = 0.4
_HARDLY_SURE: Final = 0.15
_HARDLY_SURE_IF_SMALL: Final = 0.5
# Landmarks on what is no face lie on the background.
_LANDMARK_PATCHES_ON_SKIN: Final = 0.5


class Locator:
    """Finds the patches of a picture. Keep one per process, as its finder keeps models."""

    def __init__(self, finder: Finder | None = None, geometry: str = GOLDFOLD) -> None:
        """geometry: "published-1" cuts as published, and searches by landmarks and one eye only.

        Raises ValueError for a geometry that is not there.
        """
        if geometry not in GEOMETRIES:
            raise ValueError(f"no geometry is called {geometry!r}; there are {', '.join(GEOMETRIES)}")
        self.geometry = geometry
        self._finder = finder or FaceFinder()
        self._side_views = SideViews()

    @property
    def version(self) -> str:
        """Names all that decides where patches lie; features of different versions are not to be mixed."""
        return f"{FINDER_VERSION}/{self.geometry}"

    def locate(self, rgb: Pixels) -> Located:
        """Find the patches of an RGB picture (height, width, 3) uint8.

        In our own geometry the last patch is a view of the whole face (`Region.FACE`).
        """
        return self._published(rgb) if self.geometry == PUBLISHED else self._ours(rgb)

    def _published(self, rgb: Pixels) -> Located:
        height, width = rgb.shape[:2]
        landmarks = self._finder.frontal(rgb)
        if landmarks is not None:
            cut = patches.from_landmarks(landmarks.points, width, height)
            if cut.patches:
                return _located(Route.ALIGNED, cut, landmarks.count, patches.eye_distance(landmarks.points))
        eye = self._finder.one_eye(rgb)
        if eye is not None:
            cut = patches.from_eye(eye, width, height)
            if cut.patches:
                return _located(Route.ONE_EYE, cut, 0, 0.0)
        return _refused(NO_FACE if landmarks is None and eye is None else NO_SKIN)

    def _ours(self, rgb: Pixels) -> Located:
        face = self._finder.frontal(rgb, GUESS)
        if face is not None and not _doubtful(face, rgb):
            located = _aligned(face, rgb)
            if located is not None:
                return located
        skin = find_skin(rgb)
        turned = find_turned(self._finder, rgb)
        if turned is not None:
            located = _turned(turned, rgb, skin)
            if located is not None:
                return located
        if face is not None and _doubtful(face, rgb) and _believable(face, skin):
            located = _aligned(face, rgb, skin)
            if located is not None:
                return located
        return self._sideways(rgb, skin, face is not None and face.confidence > 0)

    def _sideways(self, rgb: Pixels, skin: Skin, face_seen: bool) -> Located:
        """By one eye, or by skin alone."""
        height, width = rgb.shape[:2]
        if not skin.mask.any():
            return _refused(NO_SKIN if face_seen else NOTHING)
        eye = self._side_views.eye(rgb, skin, self._side_views.profile(rgb, skin))
        if eye is not None:
            cut = _on_skin(patches.from_eye(eye, width, height), skin)
            if cut.patches:
                return _located(Route.ONE_EYE, cut, 0, skin.eye_distance, _view_of_skin(skin, width, height))
        cut = from_skin(skin, width, height)
        if not cut.patches:
            return _refused(NO_SKIN)
        return _located(Route.SKIN_ONLY, cut, 0, skin.eye_distance, _view_of_skin(skin, width, height))


def _aligned(face: Landmarks, rgb: Pixels, skin: Skin | None = None) -> Located | None:
    """skin: where it is given, patches that are not on it are left out, as landmarks of a mere guess may be off."""
    height, width = rgb.shape[:2]
    cut = patches.from_landmarks(face.points, width, height, GOLDFOLD)
    if skin is not None:
        cut = _on_skin(cut, skin)
    if not cut.patches:
        return None
    view = patches.face_view(face.points, width, height)
    return _located(Route.ALIGNED, cut, face.count, patches.eye_distance(face.points), view)


def _turned(face: TurnedFace, rgb: Pixels, skin: Skin) -> Located | None:
    """None where the patches aren't skin: in a turned copy the detector takes more for a face."""
    height, width = rgb.shape[:2]
    upright = patches.from_landmarks(face.landmarks.points, face.width, face.height, GOLDFOLD)
    cut = face.in_picture(upright, width, height)
    if not cut.patches or np.mean([skin.share(patch.box) for patch in cut.patches]) < _LANDMARK_PATCHES_ON_SKIN:
        return None
    view = patches.face_view(face.points, width, height)
    distance = face.scale * patches.eye_distance(face.landmarks.points)
    return _located(Route.ALIGNED, cut, face.landmarks.count, distance, view)


def _doubtful(face: Landmarks, rgb: Pixels) -> bool:
    """Little confidence, in a small face even a little more: it may be an eye or an ear of a large one."""
    small = max(face.box.width, face.box.height) < _SMALL_FACE * min(rgb.shape[:2])
    return face.confidence < (_HARDLY_SURE_IF_SMALL if small else _HARDLY_SURE)


def _believable(face: Landmarks, skin: Skin) -> bool:
    """A guess must be most of the skin; what is found, if barely, must only not be a part of a larger face."""
    large = min(face.box.width, face.box.height) >= _GUESS_OF_EXTENT * skin.extent
    if large:
        return face.confidence > 0 or skin.share(face.box) >= _GUESS_ON_SKIN
    across, down = face.box.width // 2, face.box.height // 2
    around = Box(face.box.x0 - across, face.box.y0 - down, face.box.x1 + across, face.box.y1 + down)
    return face.confidence > 0 and skin.share(around) < _MOST_AROUND


def _on_skin(cut: Cut, skin: Skin) -> Cut:
    """Without what is hair or background: a cut tells only where skin should be."""
    kept = tuple(patch for patch in cut.patches if skin.share(patch.box) >= _LANDMARK_PATCHES_ON_SKIN)
    return Cut(kept, cut.dropped)


def _view_of_skin(skin: Skin, width: int, height: int) -> Box:
    """A square around all of the skin: where the face is exactly is not known."""
    box = skin.box
    return patches.square((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, max(box.width, box.height), width, height)


def _located(route: Route, cut: Cut, faces: int, eye_distance: float, view: Box | None = None) -> Located:
    found = cut.patches if view is None else (*cut.patches, Patch(Region.FACE, view))
    return Located(route, "", found, faces=faces, dropped=cut.dropped, eye_distance=eye_distance)


def _refused(why: tuple[str, str]) -> Located:
    return Located(Route.REFUSED, why[1], (), code=why[0])
