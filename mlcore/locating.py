"""From a picture to where its skin is: by landmarks, else by one eye, else by colour alone, else refused with a reason.

Never the whole picture as if it were skin.
"""

from typing import Final

from mlcore import patches
from mlcore.faces import FaceFinder
from mlcore.records import Cut, Finder, Located, Pixels, Route

PUBLISHED: Final = "published-1"
GOLDFOLD: Final = "goldfold-2"
GEOMETRIES: Final = (PUBLISHED, GOLDFOLD)

NO_FACE: Final = ("no_face", "No face and no eye was found in the picture.")
NO_SKIN: Final = ("no_skin", "A face was found, but no patch of skin large enough is in the picture.")


class Locator:
    """Finds the patches of a picture. Keep one per process, as its finder keeps models."""

    def __init__(self, finder: Finder | None = None, geometry: str = GOLDFOLD) -> None:
        """Raises ValueError for a geometry that is not there."""
        if geometry not in GEOMETRIES:
            raise ValueError(f"no geometry is called {geometry!r}; there are {', '.join(GEOMETRIES)}")
        self.geometry = geometry
        self._finder = finder or FaceFinder()

    @property
    def version(self) -> str:
        """Names all that decides where patches lie; features of different versions are not to be mixed."""
        return f"dlib-480-1/{self.geometry}"

    def locate(self, rgb: Pixels) -> Located:
        """Find the patches of an RGB picture (height, width, 3) uint8."""
        height, width = rgb.shape[:2]
        landmarks = self._finder.frontal(rgb)
        if landmarks is not None:
            cut = patches.from_landmarks(landmarks.points, width, height)
            if cut.patches:
                return _located(Route.ALIGNED, cut, landmarks.count)
        eye = self._finder.one_eye(rgb)
        if eye is not None:
            cut = patches.from_eye(eye, width, height)
            if cut.patches:
                return _located(Route.ONE_EYE, cut, 0)
        code, reason = NO_FACE if landmarks is None and eye is None else NO_SKIN
        return Located(Route.REFUSED, reason, (), code=code)


def _located(route: Route, cut: Cut, faces: int) -> Located:
    return Located(route, "", cut.patches, faces=faces, dropped=cut.dropped)
