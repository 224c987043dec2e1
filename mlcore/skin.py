"""Where a picture shows skin, by colour alone: for side views and close-ups in which no eye is found.

Colour is taken as the logarithms of red over green, blue over green, and brightness. In the first two, skin of all
Fitzpatrick types lies close together, as blood and melanin absorb along nearly one line while shading cancels out
(after Fleck, Forsyth and Bregler, "Finding Naked People", ECCV 1996; Störring, Andersen and Granum, "Physics-based
modelling of human skin colour under mixed illuminants", 2001). A wide guess there names seeds; what the picture's own
skin looks like under its own light is then learned from these, against the picture's own background, by GrabCut
(Rother, Kolmogorov and Blake, SIGGRAPH 2004). Hair of skin's colour is taken off again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore import patches
from mlcore.hair import streaks, without_dark_hair, without_streaked_hair
from mlcore.images import shrink
from mlcore.records import Box, Cut, Patch, Pixels, Region

Mask: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float32]

WORKING_SIDE: Final = 112

# Mean and standard deviations of (log R/G, log B/G) over skin of all types under usual lights, and their correlation.
_MEAN: Final = (0.33, -0.20)
_SPREAD: Final = (0.15, 0.20)
_TOGETHER: Final = -0.6
# The same towards red, where inflamed skin lies.
_INFLAMED: Final = 0.24
# Keeps the logarithms of dark pixels from being all noise.
_FLOOR: Final = 8.0
# Squared Mahalanobis distances: nearer is a seed, or a seed where there is no better, in cold light; farther is surely
# no skin. A pure grey lies at 5.0.
_SEED: Final = 3.0
_PALE_SEED: Final = 4.6
_NEVER: Final = 14.0
_ROUNDS: Final = 2
# Darker than this share of the seeds' brightness is hair or shade rather than skin.
_DARK: Final = 0.45
_LEAST_SHARE: Final = 0.02
_LITTLE: Final = 0.08
# Weighed by how near the middle they lie, so little of the pixels is a wall or a collar rather than the face; what is
# found without it must weigh so many times more. The weight's standard deviation is a quarter of the picture's sides.
_OFF_CENTRE: Final = 0.25
_MORE_CENTRAL: Final = 2.0

# On aligned faces, drawn ones and photographs, the landmarks are 1 / 1.2 as high as the skin's extent, and their
# patches' sides 0.5 of that height; the eyes are 0.425 of it apart.
_PATCH_OF_EXTENT: Final = 0.4
_EYES_OF_EXTENT: Final = 0.425 / 1.2
_SMALLEST_OF_EXTENT: Final = 0.15
_SHRINK: Final = 0.85
_MOST_PATCHES: Final = 4
_CLEAN: Final = 0.92
_MOST_OVERLAP: Final = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """mask: (height, width) bool of the working copy. scale: its pixels per pixel of the picture."""

    mask: Mask
    scale: float

    @property
    def extent(self) -> float:
        """The square root of the skin's area, in pixels of the picture."""
        return float(np.sqrt(np.count_nonzero(self.mask))) / self.scale

    @property
    def eye_distance(self) -> float:
        """How far apart the eyes of such a face would be, in pixels of the picture; too little where it fills it."""
        return _EYES_OF_EXTENT * self.extent

    @property
    def box(self) -> Box:
        """Around all but the outermost fiftieths of the skin, in pixels of the picture."""
        rows, columns = np.nonzero(self.mask)
        (y0, y1), (x0, x1) = (np.quantile(at, (0.02, 0.98)) / self.scale for at in (rows, columns))
        return Box(int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1)))

    def share(self, box: Box) -> float:
        """Share of that box's part in the picture that is skin, 0 … 1."""
        inside = self._inside(box)
        return float(inside.mean()) if inside.size else 0.0

    def area(self, box: Box) -> float:
        """Square pixels of the picture that are skin in that box."""
        return float(np.count_nonzero(self._inside(box))) / self.scale**2

    def _inside(self, box: Box) -> Mask:
        height, width = self.mask.shape
        x0, y0 = int(box.x0 * self.scale), int(box.y0 * self.scale)
        x1, y1 = int(np.ceil(box.x1 * self.scale)), int(np.ceil(box.y1 * self.scale))
        part = Box(x0, y0, x1, y1).clipped(width, height)
        return self.mask[part.y0 : part.y1, part.x0 : part.x1]


def find_skin(rgb: Pixels) -> Skin:
    """The largest piece of skin in a picture (height, width, 3), its holes (eyes, lips, lesions) filled where small."""
    small = shrink(rgb, WORKING_SIDE)
    scale = small.shape[1] / rgb.shape[1]
    colours = _colours(small)
    distance = _distance(colours)
    found = _grown(colours, distance, _SEED)
    if found.mean() < _LITTLE:
        # In cold light only an ear or a sleeve may look like skin at first.
        found = max(found, _grown(colours, distance, _PALE_SEED), key=np.count_nonzero)
    streaked = streaks(rgb, found.shape)
    found = _largest(without_streaked_hair(found, streaked))
    if found.any() and _centrality(found) < _OFF_CENTRE:
        found = _more_central(found, colours, distance, streaked)
    return Skin(found if found.mean() >= _LEAST_SHARE else np.zeros_like(found), scale)


def _more_central(found: Mask, colours: Floats, distance: Floats, streaked: Floats) -> Mask:
    """Skin that is found when that is known to be something else, if it lies more in the middle."""
    known = cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    elsewhere = np.where(known, np.float32(np.inf), distance)
    for nearest in (_SEED, _PALE_SEED):
        other = _largest(without_streaked_hair(_grown(colours, elsewhere, nearest), streaked))
        if other.mean() >= _LITTLE and _centrality(other) > _MORE_CENTRAL * _centrality(found):
            return other
    return found


def _grown(colours: Floats, distance: Floats, nearest: float) -> Mask:
    labels = _seeds(colours, distance, nearest)
    if labels is None:
        return np.zeros(distance.shape, dtype=np.bool_)
    return _largest(without_dark_hair(_largest(_cut(colours, labels)), colours))


def _centrality(mask: Mask) -> float:
    """Share of the pixels that it has, weighed by how near the middle of the picture they lie."""
    weight = _nearness(mask.shape, 0.25)
    return float(weight[mask].sum() / weight.sum())


def _nearness(shape: tuple[int, ...], spread: float) -> NDArray[np.float64]:
    """A Gaussian around the middle, 1 there. spread: its standard deviation, of each side."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    off = ((rows / shape[0] - 0.5) / spread) ** 2 + ((columns / shape[1] - 0.5) / spread) ** 2
    return np.asarray(np.exp(-0.5 * off))


def from_skin(skin: Skin, width: int, height: int) -> Cut:
    """Up to four squares that lie on skin, as large as patches of an aligned face, deepest in the skin first.

    The size is estimated from the skin's extent, and shrunk until two find room that hardly overlap; one
    where there is no room for two. width, height: of the picture.
    """
    extent = skin.extent
    side, least = _PATCH_OF_EXTENT * extent, max(_SMALLEST_OF_EXTENT * extent, patches.MIN_PATCH_SIDE)
    best: list[Box] = []
    while side >= least and len(best) < 2:
        best = max(best, _placed(skin, side), key=len)
        side *= _SHRINK
    boxes = (box.clipped(width, height) for box in best)
    return Cut(tuple(Patch(Region.SKIN, box) for box in boxes if min(box.width, box.height) > 0), ())


def _placed(skin: Skin, side: float) -> list[Box]:
    """Squares of that side in pixels of the picture: the first where skin is deepest, the others apart from it."""
    small = max(1, round(side * skin.scale))
    if small > min(skin.mask.shape):
        return []
    clean = skin.mask.astype(np.uint8)
    free = _window_sums(clean, small) >= _CLEAN * small * small
    # Beyond the picture's edge skin goes on; deeper than half a patch makes no difference.
    bordered = cv2.copyMakeBorder(clean, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = np.minimum(cv2.distanceTransform(bordered, cv2.DIST_L2, 3)[1:-1, 1:-1], small / 2)
    worth = _window_sums(depth, small) / (small**3 / 2)
    rows, columns = np.mgrid[0 : free.shape[0], 0 : free.shape[1]]
    inside = np.argwhere(skin.mask)
    middle = inside.mean(axis=0) - small / 2
    worth -= 0.15 * np.hypot(rows - middle[0], columns - middle[1]) / small
    placed: list[Box] = []
    while free.any() and len(placed) < _MOST_PATCHES:
        y, x = divmod(int(np.argmax(np.where(free, worth, -np.inf))), free.shape[1])
        placed.append(Box(*(round(at / skin.scale) for at in (x, y, x + small, y + small))))
        down, across = np.abs(rows - y), np.abs(columns - x)
        free &= np.clip(small - down, 0, None) * np.clip(small - across, 0, None) <= _MOST_OVERLAP * small * small
    return placed


def _window_sums(values: NDArray[np.uint8] | Floats, side: int) -> NDArray[np.float64]:
    """Sums over all squares of that side, by their upper left corner."""
    sums = cv2.integral(values, sdepth=cv2.CV_64F)
    return np.asarray(sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side])


def _colours(rgb: Pixels) -> Floats:
    """(height, width, 3): log R/G, log B/G, log luma; a little smoothed, as single pixels are noise."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), 1.0).astype(np.float32) + np.float32(_FLOOR)
    red, green, blue = cv2.split(smooth)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.asarray(np.log(np.dstack([red / green, blue / green, luma])), dtype=np.float32)


def _distance(colours: Floats) -> Floats:
    """Squared Mahalanobis distance from skin's usual colours, (height, width)."""
    red, blue = colours[..., 0] - np.float32(_MEAN[0]), colours[..., 1] - np.float32(_MEAN[1])
    inflamed = red > 0
    across = red / np.where(inflamed, np.float32(_INFLAMED), np.float32(_SPREAD[0]))
    along = blue / np.float32(_SPREAD[1])
    # Inflamed skin is redder without being yellower.
    together = np.where(inflamed & (blue > 0), np.float32(0), np.float32(_TOGETHER))
    squares = across**2 + along**2 - 2 * together * across * along
    return np.asarray(squares / (1 - together**2), dtype=np.float32)


def _seeds(colours: Floats, distance: Floats, nearest: float) -> NDArray[np.uint8] | None:
    """GrabCut's labels to begin with, or None where there is nothing like skin."""
    seeds = distance < nearest
    if seeds.mean() < _LEAST_SHARE:
        return None
    weight = _nearness(distance.shape, 0.35) * np.exp(-0.5 * distance)
    brightness = colours[..., 2]
    order = np.argsort(brightness[seeds])
    heavy = np.cumsum(weight[seeds][order])
    usual = brightness[seeds][order][np.searchsorted(heavy, 0.6 * heavy[-1])]
    lit = brightness > usual + np.log(_DARK)
    labels = np.full(distance.shape, cv2.GC_PR_BGD, dtype=np.uint8)
    labels[seeds & lit] = cv2.GC_PR_FGD
    labels[(distance > _NEVER) | (brightness < usual + 2 * np.log(_DARK))] = cv2.GC_BGD
    return labels


def _cut(colours: Floats, labels: NDArray[np.uint8]) -> Mask:
    if not np.any(labels == cv2.GC_PR_FGD):
        return np.zeros(labels.shape, dtype=np.bool_)
    if np.all((labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD)):
        return np.ones(labels.shape, dtype=np.bool_)
    low, high = np.array([-0.4, -1.0, 2.0], np.float32), np.array([1.0, 0.4, 5.6], np.float32)
    bytes_ = np.clip((colours - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(bytes_, labels, (0, 0, 1, 1), background, foreground, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _largest(mask: Mask) -> Mask:
    """The largest connected piece, closed over gaps and small holes."""
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, ball)
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, dtype=np.bool_)
    biggest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    return np.asarray(cv2.morphologyEx((pieces == biggest).astype(np.uint8), cv2.MORPH_CLOSE, ball) > 0)
