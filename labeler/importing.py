"""Pictures come in: bytes are decoded once, measured, rendered for display, stored, and written down.

Files are written before rows, every image is one transaction, and what is there already is recognised by its content:
an import that was killed half-way is simply done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from labeler import file_store
from labeler.import_table import Facts
from labeler.models import GoldenItem, Image, ImageName, Person, Rendition, Study, StudyState
from mlcore.duplicates import perceptual_hash
from mlcore.images import decode, render
from mlcore.quality import measure


class NameTaken(Exception):
    """The study has another picture under that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The study has a different picture called “{name}”; rename the file to import both.")


class Outcome(StrEnum):
    NEW = "new"
    SAME_CONTENT = "same content"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one file. `first_name` is the name under which its content came first."""

    outcome: Outcome
    image: Image
    name: ImageName
    first_name: str
    made_golden: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture decoded, measured and stored, of which no row tells yet."""

    sha256: str
    perceptual_hash: int
    width: int
    height: int
    quality: Mapping[str, float]
    original: str
    rendition: str
    rendition_width: int
    rendition_height: int
    rendition_bytes: int


def add_image(
    study: Study,
    name: str,
    data: bytes,
    *,
    actor: Actor,
    metadata: Mapping[str, str] | None = None,
    person: str = "",
    golden: bool = False,
) -> Added:
    """Add one picture to a study that is being set up.

    Raises ImageRejected when the bytes are no usable picture, NameTaken when the name has other content already, and
    ValidationError when the study is not in draft.
    """
    return add_prepared(study, name, prepare(study.pk, data), Facts(golden, person, metadata or {}), actor=actor)


def prepare(study_id: int, data: bytes) -> Prepared:
    """Decode, measure and store a picture; touches no table, so it can run in any thread. Raises ImageRejected."""
    pixels = decode(data)
    quality = measure(pixels)
    shown = render(pixels)
    sha256 = hashlib.sha256(data).hexdigest()
    return Prepared(
        sha256=sha256,
        perceptual_hash=perceptual_hash(pixels),
        width=quality.width,
        height=quality.height,
        quality=asdict(quality),
        original=file_store.keep_original(study_id, data),
        rendition=file_store.keep_rendition(study_id, sha256, shown.data),
        rendition_width=shown.width,
        rendition_height=shown.height,
        rendition_bytes=len(shown.data),
    )


@transaction.atomic
def add_prepared(study: Study, name: str, picture: Prepared, facts: Facts, *, actor: Actor) -> Added:
    """Write down a picture that `prepare` stored. Raises NameTaken and ValidationError as `add_image` does."""
    _lock_draft(study)
    known = ImageName.objects.filter(study=study, name=name).select_related("image").first()
    if known is not None and known.image.sha256 != picture.sha256:
        raise NameTaken(name)
    image = known.image if known else Image.objects.filter(study=study, sha256=picture.sha256).first()
    outcome = Outcome.UNCHANGED if known else Outcome.SAME_CONTENT if image else Outcome.NEW
    if image is None:
        image = _insert(study, picture)
    if known is None:
        known = ImageName.objects.create(
            image=image, study=study, name=name, repeat=image.names.count(), metadata=dict(facts.metadata)
        )
        audit.record(actor, "image.added", image, study_id=study.pk, after={"name": known.pk, "repeat": known.repeat})
    note = _set_person(image, facts.person, actor)
    made_golden = facts.golden and _make_golden(study, image, actor)
    first_name = name if known.repeat == 0 else image.names.get(repeat=0).name
    return Added(outcome, image, known, first_name, made_golden, note)


def _lock_draft(study: Study) -> None:
    """Hold the study, so that it can't be assigned meanwhile and the names of one content are counted one by one."""
    state = Study.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=study.pk)
    if state != StudyState.DRAFT:
        raise ValidationError("Images are imported while a study is being set up; this one's images are fixed.")


def _insert(study: Study, picture: Prepared) -> Image:
    image = Image.objects.create(
        study=study,
        sha256=picture.sha256,
        perceptual_hash=picture.perceptual_hash,
        width=picture.width,
        height=picture.height,
        quality=dict(picture.quality),
        original=picture.original,
    )
    Rendition.objects.create(
        image=image,
        width=picture.rendition_width,
        height=picture.rendition_height,
        bytes=picture.rendition_bytes,
        path=picture.rendition,
    )
    return image


def _set_person(image: Image, external_id: str, actor: Actor) -> str:
    """Say who is in the picture, where nobody has said it; returns a note where the table says somebody else."""
    if not external_id:
        return ""
    if image.person_id is None:
        image.person, _ = Person.objects.get_or_create(study_id=image.study_id, external_id=external_id)
        image.save(update_fields=["person"])
        audit.record(actor, "image.person_set", image, study_id=image.study_id, after={"person": image.person.pk})
    elif image.person is not None and image.person.external_id != external_id:
        return f"The study says that this is person {image.person.external_id}, the table says {external_id}."
    return ""


def _make_golden(study: Study, image: Image, actor: Actor) -> bool:
    item, made = GoldenItem.objects.get_or_create(image=image, defaults={"study": study})
    if made:
        audit.record(actor, "golden.added", item, study_id=study.pk, after={"image": image.pk})
    return made
