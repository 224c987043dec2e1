"""One image's features: from the store where they are there, computed and stored where they are not."""

from collections.abc import Callable, Sequence

from mlcore.extractor import Extractor
from mlcore.feature_store import CODE_VERSION, FeatureStore, Stored
from mlcore.images import ImageRejected, decode
from mlcore.records import Route


def ensure(
    store: FeatureStore,
    extractor: Extractor,
    sha256: str,
    read: Callable[[], bytes],
    offsets: Sequence[int] = (0,),
) -> Stored:
    """The record of an image, with a vector of each of its patches at each of the offsets (in twelfths).

    The file is read, by `read`, only if something is missing. A picture that can't be decoded, or in which no skin is
    found, is recorded as refused with its reason, and tried again only by another extractor or a newer version of the
    code. Raises what `read` raises.
    """
    known = store.get(sha256)
    if known is not None and _is_outdated(known):
        known = None
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


def _is_outdated(record: Stored) -> bool:
    return record.located.route is Route.REFUSED and record.code_version != CODE_VERSION


def _pairs(record: Stored, offsets: Sequence[int]) -> list[tuple[int, int]]:
    return [(patch, offset) for patch in range(len(record.located.patches)) for offset in offsets]
