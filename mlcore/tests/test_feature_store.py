import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from mlcore.feature_store import FeatureStore, Stored
from mlcore.records import Box, DroppedPatch, Located, Patch, PatchVector, Region, Route

EXTRACTOR = "0123456789abcdef"
SHA = "ab" * 32
REGIONS = (Region.FOREHEAD, Region.CHIN)


def record() -> Stored:
    located = Located(
        Route.ALIGNED,
        "",
        (Patch(Region.FOREHEAD, Box(1, 2, 30, 40)), Patch(Region.CHIN, Box(5, 6, 70, 80))),
        faces=2,
        dropped=(DroppedPatch(Region.LEFT_CHEEK, "the left cheek is turned away"),),
    )
    vectors = tuple(PatchVector(at, 0, np.arange(4, dtype=np.float32) + at, REGIONS[at]) for at in range(2))
    return Stored(located, 640, 480, vectors)


def same(one: Stored, two: Stored) -> bool:
    pairs = zip(one.vectors, two.vectors, strict=True)
    return one.located == two.located and all(
        (a.patch, a.offset) == (b.patch, b.offset) and np.array_equal(a.vector, b.vector) for a, b in pairs
    )


def test_what_is_put_comes_back(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    assert store.get(SHA) is None
    store.put(SHA, record())
    back = FeatureStore(tmp_path, EXTRACTOR).get(SHA)
    assert back is not None
    assert same(back, record())
    assert (back.width, back.height, back.code_version) == (640, 480, record().code_version)
    assert FeatureStore(tmp_path, EXTRACTOR[::-1]).get(SHA) is None


def test_a_refusal_is_kept_with_its_reason(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    store.put(SHA, Stored.refusal("no_face", "No face was found.", 100, 90))
    back = store.get(SHA)
    assert back is not None
    assert (back.located.route, back.located.code, back.located.reason) == (
        Route.REFUSED,
        "no_face",
        "No face was found.",
    )
    assert back.vectors == ()


def test_only_missing_offsets_are_asked_for_and_added(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    wanted = [(0, 0), (0, 6), (1, 0), (1, 3)]
    missing = record().missing(wanted)
    assert missing == [(0, 6), (1, 3)]
    grown = record().with_vectors(
        PatchVector(*pair, np.full(4, 9, dtype=np.float32), REGIONS[pair[0]]) for pair in missing
    )
    store.put(SHA, grown)
    back = store.get(SHA)
    assert back is not None
    assert back.missing(wanted) == []
    assert np.array_equal(back.vectors[0].vector, record().vectors[0].vector)


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_file_counts_as_missing_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    store.put(SHA, record())
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    with caplog.at_level(logging.WARNING):
        assert store.get(SHA) is None
    assert path.name in caplog.text
    store.put(SHA, record())
    assert store.get(SHA) is not None


def test_a_failed_write_leaves_the_old_record_and_no_rubbish(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    store.put(SHA, record())
    uneven = record().with_vectors([PatchVector(0, 6, np.zeros(7, dtype=np.float32), REGIONS[0])])
    with pytest.raises(ValueError, match="shape"):
        store.put(SHA, uneven)
    back = store.get(SHA)
    assert back is not None
    assert same(back, record())
    assert len(list(tmp_path.rglob("*.*"))) == 1


def test_two_workers_that_add_to_one_image_lose_nothing(tmp_path: Path) -> None:
    def add(offsets: range) -> None:
        store = FeatureStore(tmp_path, EXTRACTOR)
        for offset in offsets:
            added = PatchVector(0, offset, np.full(4, offset, dtype=np.float32), REGIONS[0])
            # What it knew of the image before the other began.
            store.add(SHA, record().with_vectors([added]))

    workers = [threading.Thread(target=add, args=(offsets,)) for offsets in (range(1, 12), range(12, 24))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    back = FeatureStore(tmp_path, EXTRACTOR).get(SHA)
    assert back is not None
    assert back.missing([(0, offset) for offset in range(24)] + [(1, 0)]) == []
    assert same(Stored(back.located, 0, 0, (*back.vectors[:1], back.vectors[-1])), record())


def test_a_record_of_other_patches_takes_the_old_ones_place(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    store.put(SHA, record())
    moved = Stored(Located(Route.ALIGNED, "", record().located.patches[:1], eye_distance=81.5), 640, 480)
    assert store.add(SHA, moved).vectors == ()
    back = store.get(SHA)
    assert back is not None
    assert (back.located, back.vectors) == (moved.located, ())


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    store.put(SHA, record())
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.put(SHA, record())

    writer = threading.Thread(target=write)
    writer.start()
    seen = [store.get(SHA) for _ in range(200)]
    stop.set()
    writer.join()
    assert None not in seen


def test_a_record_can_be_erased_and_keys_can_not_leave_the_folder(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, EXTRACTOR)
    store.put(SHA, record())
    assert store.remove(SHA)
    assert not store.remove(SHA)
    with pytest.raises(ValueError, match="sha256"):
        store.get("../../etc/passwd")
    with pytest.raises(ValueError, match="extractor"):
        FeatureStore(tmp_path, "../up")
