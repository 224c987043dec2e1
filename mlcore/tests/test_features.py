import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlcore import backbones
from mlcore.extractor import Extractor, configure
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import Shelf, Source, stream
from mlcore.patches import PUBLISHED
from mlcore.records import Located, Pixels, Route
from mlcore.tests.pictures import encoded, finder, frontal_face


class Reader:
    """Gives the bytes, and counts how often it was asked."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        return self.data


class Counted(Extractor):
    """Counts how often it looks for a face."""

    looked = 0

    def locate(self, rgb: Pixels) -> Located:
        Counted.looked += 1
        return super().locate(rgb)


TEXTURE = backbones.load("texture")
EXTRACTOR = Extractor(configure(TEXTURE, PUBLISHED), backbone=TEXTURE, finder=finder())


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path, EXTRACTOR.config.id)


def sources(readers: list[Reader], offsets: tuple[int, ...] = (0,), shelves: int = 1) -> list[Source]:
    return [Source(reader.sha256, reader, (offsets,) * shelves) for reader in readers]


def ensure(store: FeatureStore, reader: Reader, offsets: tuple[int, ...] = (0,)) -> Stored:
    """One picture's record, from the store or computed."""
    ((record,),) = stream([Shelf(EXTRACTOR, store)], sources([reader], offsets))
    return record


def test_features_are_computed_once_and_further_offsets_are_added(store: FeatureStore) -> None:
    reader = Reader(encoded(frontal_face().pixels))
    first = ensure(store, reader)
    again = ensure(store, reader)
    assert reader.asked == 1
    assert [np.array_equal(a.vector, b.vector) for a, b in zip(first.vectors, again.vectors, strict=True)] == [True] * 4
    rolled = ensure(store, reader, (0, 6))
    assert reader.asked == 2
    assert [(vector.patch, vector.offset) for vector in rolled.vectors] == [(p, o) for p in range(4) for o in (0, 6)]
    assert rolled.located == first.located
    ensure(store, reader, (0, 6))
    assert reader.asked == 2


def test_refusals_are_kept_and_not_tried_again(store: FeatureStore) -> None:
    for data, code in ((b"broken", "not_an_image"), (encoded(np.zeros((90, 90, 3), np.uint8)), "no_face")):
        reader = Reader(data)
        for _ in range(2):
            record = ensure(store, reader, (0, 6))
            assert (record.located.route, record.located.code, record.vectors) == (Route.REFUSED, code, ())
        assert reader.asked == 1


def test_a_refusal_by_older_code_is_tried_again_once(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(encoded(np.zeros((90, 90, 3), np.uint8)))
    # What a record says of itself unless told otherwise.
    with monkeypatch.context() as older:
        older.setattr("mlcore.feature_store.Stored.__init__.__defaults__", ((), "0"))
        ensure(store, reader)
    for _ in range(2):
        ensure(store, reader)
    assert reader.asked == 2


def test_many_images_come_in_order_and_as_each_by_itself(store: FeatureStore, tmp_path: Path) -> None:
    pictures = [
        encoded(frontal_face().pixels),
        b"broken",
        encoded(np.zeros((90, 90, 3), np.uint8)),
        encoded(frontal_face().pixels[:, ::-1]),
    ]
    readers = [Reader(data) for data in pictures]
    told: list[tuple[int, int]] = []
    found = [one for (one,) in stream([Shelf(EXTRACTOR, store)], sources(readers), lambda *at: told.append(at))]
    assert told == [(at, 4) for at in range(5)]
    elsewhere = FeatureStore(tmp_path / "alone", EXTRACTOR.config.id)
    for reader, record in zip(readers, found, strict=True):
        alone = ensure(elsewhere, reader)
        assert record.located == alone.located
        assert len(record.vectors) == len(alone.vectors)
        assert all(np.array_equal(a.vector, b.vector) for a, b in zip(record.vectors, alone.vectors, strict=True))
    assert [bool(record.vectors) for record in found] == [True, False, False, True]
    before = [reader.asked for reader in readers]
    list(stream([Shelf(EXTRACTOR, store)], sources(readers)))
    assert [reader.asked for reader in readers] == before


def test_a_file_that_can_not_be_read_stops_nothing_and_is_asked_for_again(store: FeatureStore) -> None:
    def missing() -> bytes:
        raise FileNotFoundError("gone")

    reader = Reader(encoded(frontal_face().pixels))
    wanted = [Source("0" * 64, missing, ((0,),)), *sources([reader])]
    (gone,), (there,) = stream([Shelf(EXTRACTOR, store)], wanted)
    assert (gone.located.route, gone.located.code) == (Route.REFUSED, "unreadable")
    assert there.vectors
    assert store.get("0" * 64) is None


def test_an_image_at_which_the_code_fails_stops_no_others(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Extractor):
        def locate(self, rgb: Pixels) -> Located:
            if len(rgb) == 400:
                raise ZeroDivisionError
            return super().locate(rgb)

    extractor = Failing(configure(TEXTURE, PUBLISHED), backbone=TEXTURE, finder=finder())
    face = frontal_face().pixels
    readers = [Reader(encoded(face[:400])), Reader(encoded(face))]
    (failed,), (there,) = stream([Shelf(extractor, store)], sources(readers))
    assert (failed.located.route, failed.located.code) == (Route.REFUSED, "failed")
    assert there.vectors
    assert store.get(readers[0].sha256) is None
    assert readers[0].sha256 in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_extractors_that_cut_alike_share_one_look_for_the_face(tmp_path: Path) -> None:
    half = configure(TEXTURE, PUBLISHED)
    shelves = [
        Shelf(Counted(half, backbone=TEXTURE, finder=finder()), FeatureStore(tmp_path / name, half.id))
        for name in ("one", "two")
    ]
    Counted.looked = 0
    reader = Reader(encoded(frontal_face().pixels))
    ((one, two),) = stream(shelves, [Source(reader.sha256, reader, ((0,), (0, 12)))])
    assert (Counted.looked, reader.asked) == (1, 1)
    assert (len(one.vectors), len(two.vectors)) == (4, 8)
    # Where only one lacks something, the other's record is not touched.
    ((_, again),) = stream(shelves, [Source(reader.sha256, reader, ((0,), (0, 3, 12)))])
    assert (Counted.looked, reader.asked, len(again.vectors)) == (1, 2, 12)


def test_what_was_computed_before_a_cancelled_stream_is_kept(store: FeatureStore) -> None:
    class Cancelled(Exception):
        pass

    def report(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    # More than are prepared ahead.
    faces = [np.roll(frontal_face().pixels, shift, axis=1) for shift in range(3)]
    readers = [Reader(encoded(face)) for face in faces] + [Reader(str(at).encode()) for at in range(60)]

    def run() -> Iterator[object]:
        return stream([Shelf(EXTRACTOR, store)], sources(readers), report)

    with pytest.raises(Cancelled):
        list(run())
    assert store.get(readers[0].sha256) is not None
    assert store.get(readers[1].sha256) is not None
    assert readers[-1].asked == 0
