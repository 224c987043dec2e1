import hashlib
from pathlib import Path

import numpy as np

from mlcore import backbones
from mlcore.extractor import Extractor, configure
from mlcore.feature_store import FeatureStore
from mlcore.features import ensure
from mlcore.records import Route
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


def test_features_are_computed_once_and_further_offsets_are_added(tmp_path: Path) -> None:
    extractor = Extractor(configure(backbones.load("texture")), finder=finder())
    store = FeatureStore(tmp_path, extractor.config.id)
    reader = Reader(encoded(frontal_face().pixels))
    first = ensure(store, extractor, reader.sha256, reader)
    again = ensure(store, extractor, reader.sha256, reader)
    assert reader.asked == 1
    assert [np.array_equal(a.vector, b.vector) for a, b in zip(first.vectors, again.vectors, strict=True)] == [True] * 4
    rolled = ensure(store, extractor, reader.sha256, reader, (0, 6))
    assert reader.asked == 2
    assert [(vector.patch, vector.offset) for vector in rolled.vectors] == [(p, o) for p in range(4) for o in (0, 6)]
    assert rolled.located == first.located
    ensure(store, extractor, reader.sha256, reader, (0, 6))
    assert reader.asked == 2


def test_refusals_are_kept_and_not_tried_again(tmp_path: Path) -> None:
    extractor = Extractor(configure(backbones.load("texture")), finder=finder())
    store = FeatureStore(tmp_path, extractor.config.id)
    for data, code in ((b"broken", "not_an_image"), (encoded(np.zeros((90, 90, 3), np.uint8)), "no_face")):
        reader = Reader(data)
        for _ in range(2):
            record = ensure(store, extractor, reader.sha256, reader, (0, 6))
            assert (record.located.route, record.located.code, record.vectors) == (Route.REFUSED, code, ())
        assert reader.asked == 1
