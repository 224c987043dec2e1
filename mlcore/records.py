"""The frozen records that cross from one step of the vision library to the next.

Pixels are RGB, uint8, shaped (height, width, 3). A `Box` is half-open, in pixels, x to the right and y down.
Left and right are the subject's own: the left cheek lies to the right of the nose in an unmirrored photograph.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Vectors: TypeAlias = NDArray[np.float32]

# What `mlcore.backbones` can load; named here, so that a page may offer them without importing torch.
BACKBONES: Final = ("texture", "squeezenet1_0", "mobilenet_v2", "resnet50", "resnet152")


class Region(StrEnum):
    FOREHEAD = "forehead"
    LEFT_CHEEK = "left_cheek"
    RIGHT_CHEEK = "right_cheek"
    CHIN = "chin"
    SKIN = "skin"
    """A piece of skin whose place on the face is not known."""
    FACE = "face"
    """The whole face, as a view of its own beside the patches; what of the face the picture shows."""


class Route(StrEnum):
    """How the patches of an image were found."""

    ALIGNED = "aligned"
    ONE_EYE = "one_eye"
    SKIN_ONLY = "skin_only"
    REFUSED = "refused"


class Side(StrEnum):
    """The subject's own side."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open pixel rectangle: columns x0 … x1 - 1, rows y0 … y1 - 1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        return max(0, self.y1 - self.y0)

    @property
    def area(self) -> int:
        return self.width * self.height

    def clipped(self, width: int, height: int) -> "Box":
        """The part inside a picture of that size; it may be empty."""
        x0, y0 = min(max(self.x0, 0), width), min(max(self.y0, 0), height)
        return Box(x0, y0, max(x0, min(self.x1, width)), max(y0, min(self.y1, height)))

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0 … 1; 0 when both are empty."""
        across = min(self.x1, other.x1) - max(self.x0, other.x0)
        down = min(self.y1, other.y1) - max(self.y0, other.y0)
        shared = max(0, across) * max(0, down)
        union = self.area + other.area - shared
        return shared / union if union else 0.0


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The 68 points of the largest face.

    points: (68, 2) float64, x and y in pixels of the picture given. count: faces that the detector is sure of; 0 where
    it has a mere guess. confidence: the detector's own figure, above 0 when it is sure.
    """

    points: NDArray[np.float64]
    box: Box
    count: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye of a face seen from the side, and the subject's side whose cheek is in view."""

    box: Box
    side: Side


@dataclass(frozen=True, slots=True)
class Patch:
    region: Region
    box: Box


@dataclass(frozen=True, slots=True)
class DroppedPatch:
    """A region that the geometry could not cut, and why, in plain English."""

    region: Region
    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What a geometry made of one face: the patches, and the regions left out."""

    patches: tuple[Patch, ...]
    dropped: tuple[DroppedPatch, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """Where the skin is in one picture. `code` and `reason` are empty unless the route is REFUSED.

    faces: how many frontal ones were found; more than one flags the picture, of which the largest is taken.
    eye_distance: between the eyes in pixels, as seen from the front; estimated, and 0 where nothing is known of it.
    """

    route: Route
    reason: str
    patches: tuple[Patch, ...]
    code: str = ""
    faces: int = 0
    dropped: tuple[DroppedPatch, ...] = ()
    eye_distance: float = 0.0


class Finder(Protocol):
    """What the extractor needs of a face finder; `mlcore.faces.FaceFinder` is the real one."""

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None: ...

    def one_eye(self, rgb: Pixels) -> Eye | None: ...


class Backbone(Protocol):
    """Turns square patches into vectors."""

    @property
    def name(self) -> str: ...

    @property
    def weights_id(self) -> str:
        """Identifies the weights: a version, or the sha256 of the weights file."""
        ...

    @property
    def dim(self) -> int: ...

    @property
    def blocks(self) -> tuple[int, ...]:
        """Lengths of a vector's consecutive parts: a stage of the network each, the pooled features last."""
        ...

    @property
    def pooling(self) -> str:
        """final: the pooled features before the classifier. stages: the means of earlier stages' maps as well."""
        ...

    @property
    def input_size(self) -> int:
        """Side of a patch's square input in pixels."""
        ...

    @property
    def face_size(self) -> int:
        """The same of the view of a whole face; 0 where the backbone does not look at it."""
        ...

    @property
    def precision(self) -> str:
        """float32 or bfloat16: the numbers that the forward pass counts in."""
        ...

    @property
    def feels_rolls(self) -> bool:
        """False where a rolled patch has nearly the same features, so that rolling is not worth its time."""
        ...

    def embed(self, batch: Pixels) -> Vectors:
        """(n, side, side, 3) uint8 RGB to (n, dim) float32; side is input_size or face_size."""
        ...


@dataclass(frozen=True, slots=True)
class PatchVector:
    """The features of one patch at one roll offset (in twelfths of the patch, 0 = as it is).

    patch: its place in `Located.patches`. offset: 0 … 11 as it is seen, 12 … 23 the same rolls of the mirrored patch.
    vector: (dim,) float32. region: of the patch, so that a vector can be used without its `Located`.
    """

    patch: int
    offset: int
    vector: Vectors
    region: Region


@dataclass(frozen=True, slots=True)
class Rating:
    """One grade: who gave it (any name that is the same for all of that rater's grades), and its value on the scale."""

    rater: str
    level: float
