"""Who grades what, in numbers: folds are even, orders betray nothing, and the seed decides all of it."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import PCG64

from labeler.planning import REPEAT_GAP, Place, Share, deal, plan, repeat_gap, repeats_in, shuffled, stream

RATERS = [f"R{number:02d}" for number in range(1, 12)]
GOLDEN = range(5000, 5060)


def _singles(count: int) -> list[tuple[int, ...]]:
    return [(image,) for image in range(count)]


def _clusters(rng: np.random.Generator, count: int, largest: int) -> list[tuple[int, ...]]:
    """Clusters of 1 to `largest` images, numbered through."""
    ends = np.cumsum(rng.integers(1, largest + 1, count)).tolist()
    return [tuple(range(start, end)) for start, end in zip([0, *ends], ends, strict=False)]


def _spread(folds: Sequence[Sequence[int]]) -> int:
    sizes = [len(fold) for fold in folds]
    return max(sizes) - min(sizes)


@pytest.mark.parametrize("training", [0, 1, 10, 11, 12, 330, 1001])
@pytest.mark.parametrize("raters", [1, 2, 11])
def test_folds_are_even_and_cover_every_training_image_once(training: int, raters: int) -> None:
    shares = plan(_singles(training), GOLDEN, RATERS[:raters], seed=3)
    assert _spread([share.fold for share in shares]) <= 1
    assert Counter(image for share in shares for image in share.fold) == Counter(range(training))


@pytest.mark.parametrize("overlap", [2, 3, 11])
def test_with_overlap_every_image_goes_to_that_many_different_raters(overlap: int) -> None:
    shares = plan(_singles(331), GOLDEN, RATERS, seed=3, overlap=overlap)
    assert _spread([share.fold for share in shares]) <= 1
    assert all(len(set(share.fold)) == len(share.fold) for share in shares)
    assert Counter(image for share in shares for image in share.fold) == Counter(dict.fromkeys(range(331), overlap))


def test_with_overlap_raters_meet_in_many_pairs() -> None:
    """Else the panel would fall apart into groups that share no image, and no agreement between them could be told."""
    shares = plan(_singles(400), [], RATERS[:8], seed=3, overlap=2)
    pairs = {
        (one, other) for one in range(8) for other in range(one) if set(shares[one].fold) & set(shares[other].fold)
    }
    assert len(pairs) == 8 * 7 // 2


def test_more_overlap_than_raters_is_refused() -> None:
    with pytest.raises(ValueError, match="3 different raters, and there are only 2"):
        plan(_singles(5), GOLDEN, RATERS[:2], seed=3, overlap=3)
    with pytest.raises(ValueError, match="nobody"):
        plan(_singles(5), GOLDEN, [], seed=3)


@pytest.mark.parametrize("overlap", [1, 3])
def test_clusters_stay_whole_and_folds_differ_by_the_largest_at_most(overlap: int) -> None:
    rng = np.random.default_rng(1)
    for seed in range(40):
        clusters = _clusters(rng, 60, 9)
        folds = [set(share.fold) for share in plan(clusters, [], RATERS[:5], seed, overlap=overlap)]
        assert all(len(fold & set(cluster)) in (0, len(cluster)) for fold in folds for cluster in clusters)
        assert sum(map(len, folds)) == overlap * sum(map(len, clusters))
        assert _spread([list(fold) for fold in folds]) <= max(map(len, clusters))


def test_the_largest_clusters_are_dealt_first() -> None:
    """So that small ones even out what large ones left: one of 6, then six singles, make two folds of 6."""
    folds = [share.fold for share in plan([(image,) for image in range(6)] + [tuple(range(6, 12))], [], ["A", "B"], 3)]
    assert sorted(map(len, folds)) == [6, 6] and tuple(range(6, 12)) in folds


def test_what_is_dealt_later_goes_to_the_emptiest() -> None:
    dealt = deal(_singles(10), [20, 0, 6], 1, stream(3, "later"))
    assert [len(images) for images in dealt] == [0, 8, 2]


def test_nobody_is_dealt_what_they_are_barred_from() -> None:
    dealt = deal(_singles(40), [0, 0, 0], 2, stream(3, "later"), barred={at: {0} for at in range(30)})
    assert sorted(dealt[0]) == list(range(30, 40))
    assert Counter(image for fold in dealt for image in fold) == Counter(dict.fromkeys(range(40), 2))
    with pytest.raises(ValueError, match="only 1"):
        deal(_singles(1), [0, 0], 2, stream(3, "later"), barred={0: {1}})


def test_equal_clusters_are_dealt_by_chance() -> None:
    """Each image is as likely in each of the folds (chi-squared, 22 degrees of freedom)."""
    counts = np.zeros((12, 3))
    for seed in range(900):
        for rater, share in enumerate(plan(_singles(12), [], RATERS[:3], seed)):
            counts[list(share.fold), rater] += 1
    assert float(((counts - 300) ** 2 / 300).sum()) < 48.3  # p = 0.001


def test_everybody_gets_their_fold_and_the_whole_golden_set() -> None:
    for share in plan(_singles(330), GOLDEN, RATERS, seed=3):
        assert sorted(place.image for place in share.order) == sorted([*share.fold, *GOLDEN])
        assert {place.repeat for place in share.order} == {0}


def test_the_seed_decides_and_the_order_of_the_input_does_not() -> None:
    def planned(seed: int, step: int = 1) -> list[Share]:
        clusters = [tuple(range(3 * at, 3 * at + 3))[::step] for at in range(40)][::step]
        return plan(clusters, GOLDEN[::step], RATERS[:3], seed, overlap=2, repeat_share=0.1)

    assert planned(3) == planned(3, step=-1)
    assert planned(3) != planned(4)


def test_anybody_can_do_it_again_from_the_recipe() -> None:
    """By the recipe of the module's first words, without its code."""

    def raw(words: bytes, count: int) -> np.ndarray:
        return PCG64(int.from_bytes(hashlib.sha256(words).digest(), "big")).random_raw(count)

    share = plan(_singles(30), GOLDEN, ["R01"], seed=7)[0]
    images = [*range(30), *GOLDEN]
    expected = [images[at] for at in np.argsort(raw(b"7 order R01", len(images)), kind="stable")]
    assert [place.image for place in share.order] == expected
    assert stream(7, "folds").bit_generator.random_raw() == raw(b"7 folds", 1)[0]


def test_no_two_raters_share_an_order() -> None:
    orders = [share.order for share in plan([], GOLDEN, RATERS, seed=3)]
    assert len(set(orders)) == len(RATERS)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 40, 91, 180, 400, 1500])
def test_repeats_come_once_after_enough_others(count: int, share: float) -> None:
    for seed in range(5):
        queue = shuffled(range(count), share, stream(seed, "order"))
        at: dict[int, list[int]] = {}
        for position, place in enumerate(queue):
            assert place.repeat == len(at.setdefault(place.image, []))
            at[place.image].append(position)
        assert sorted(at) == list(range(count)) and len(queue) == count + repeats_in(count, share)
        gaps = [places[1] - places[0] - 1 for places in at.values() if len(places) > 1]
        assert len(gaps) == repeats_in(count, share)
        assert min(gaps, default=count) >= repeat_gap(count, share)


def test_the_gap_is_150_where_the_queue_allows_and_as_long_as_it_allows_elsewhere() -> None:
    assert repeat_gap(1000, 0.05) == repeat_gap(200, 0.05) == REPEAT_GAP == 150
    assert repeat_gap(91, 0.05) == 86  # 5 repeats among the last 9 places of 96
    assert repeat_gap(91, 0) == 0 == repeats_in(91, 0)
    assert (repeats_in(91, 0.05), repeats_in(90, 0.05), repeats_in(1, 0.5), repeats_in(2, 0.5)) == (5, 5, 0, 1)


# What a browser could learn from places: over many seeds, each statistic is compared with what chance alone gives.

TRAINING_COUNT, GOLDEN_COUNT, SEEDS = 300, 100, 400


@pytest.fixture(scope="module", params=[0.0, 0.3])
def queues(request: pytest.FixtureRequest) -> list[tuple[Place, ...]]:
    golden = range(1000, 1000 + GOLDEN_COUNT)
    return [
        plan(_singles(TRAINING_COUNT), golden, ["R01"], seed, repeat_share=request.param)[0].order
        for seed in range(SEEDS)
    ]


def _chi_squared(observed: np.ndarray, expected: np.ndarray) -> float:
    return float(((observed - expected) ** 2 / expected).sum())


def test_golden_images_are_as_likely_in_every_place(queues: list[tuple[Place, ...]]) -> None:
    """By fortieths of the queue, first showings and repeats alike (chi-squared, 39 degrees of freedom)."""
    golden = np.array([[place.image >= 1000 for place in queue] for queue in queues])
    cells = [part.sum() for part in np.array_split(golden, 40, axis=1)]
    sizes = np.array([part.size for part in np.array_split(golden, 40, axis=1)])
    assert _chi_squared(np.array(cells), sizes * GOLDEN_COUNT / (TRAINING_COUNT + GOLDEN_COUNT)) < 72.1  # p = 0.001


def _repeats(queues: list[tuple[Place, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every repeat over all queues: is it golden, its place, and how many others came between."""
    rows = []
    for queue in queues:
        first = {place.image: at for at, place in enumerate(queue) if place.repeat == 0}
        rows += [
            (place.image >= 1000, at, at - first[place.image] - 1)
            for at, place in enumerate(queue)
            if place.repeat == 1
        ]
    golden, places, gaps = np.array(rows).T
    return golden.astype(bool), places, gaps


@pytest.mark.parametrize("queues", [0.3], indirect=True)
def test_golden_images_are_repeated_as_often_as_others(queues: list[tuple[Place, ...]]) -> None:
    golden, _, _ = _repeats(queues)
    share = GOLDEN_COUNT / (TRAINING_COUNT + GOLDEN_COUNT)
    assert len(golden) == SEEDS * 120
    assert abs(golden.mean() - share) < 3.3 * np.sqrt(share * (1 - share) / len(golden))


@pytest.mark.parametrize("queues", [0.3], indirect=True)
@pytest.mark.parametrize("what", ["place", "gap"])
def test_repeats_of_golden_images_lie_where_other_repeats_do(queues: list[tuple[Place, ...]], what: str) -> None:
    """Two samples in ten equally full cells (chi-squared, 9 degrees of freedom)."""
    golden, places, gaps = _repeats(queues)
    values = places if what == "place" else gaps
    edges = np.quantile(values, np.linspace(0, 1, 11)[1:-1])
    table = np.array([np.bincount(np.digitize(values[which], edges), minlength=10) for which in (golden, ~golden)])
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    assert _chi_squared(table, expected) < 27.9  # p = 0.001
