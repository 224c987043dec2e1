"""One image's features: from the store where they are there, computed and stored where they are not."""

from collections.abc import Callable, Sequence

from mlcore.extractor import Extractor
from mlcore.feature_store import FeatureStore, Stored
from mlcore.images import ImageRejected, decode


def ensure(
    store: FeatureStore,
    extractor: Extractor,
    sha256: str,
    read: Callable[[], bytes],
    offsets: Sequence[int] = (0,),
) -> Stored:
    """The record of an image, with a vector of each of its patches at each of the offsets (in twelfths).

    The file is read, by `read`, only if something is missing. A picture that can't be decoded, or in which no skin is
    found, is recorded as refused with its reason, and not tried again by the same extractor.
    """
    known = store.get(sha256)
    if known is not None and not known.missing(_pairs(known, offsets)):
        return known
    try:
        rgb = decode(read())
    except ImageRejected as error:
        refused = Stored.refusal(error.code, error.reason)
        store.put(sha256, refused)
        return refused
    height, width = rgb.shape[:2]
    record = known or Stored(extractor.locate(rgb), width, height)
    missing = record.missing(_pairs(record, offsets))
    grown = record.with_vectors(extractor.embed_at(rgb, record.located.patches, missing))
    store.put(sha256, grown)
    return grown


def _pairs(record: Stored, offsets: Sequence[int]) -> list[tuple[int, int]]:
    return [(patch, offset) for patch in range(len(record.located.patches)) for offset in offsets]
