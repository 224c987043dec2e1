"""The rows of an import: a batch of stored pictures is written down in one transaction and a handful of statements.

Whoever calls holds the study's row, so nobody else adds pictures to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

from accounts import audit
from accounts.audit import Actor
from labeler import file_store
from labeler.import_table import Facts
from labeler.models import GoldenItem, Image, ImageName, Person, Rendition, Study, StudyState
from labeler.teaching import teaching_of
from labeler.thresholds import Thresholds, judge
from mlcore.quality import Quality

_MAX_REASON: Final = 200
PERSON_FIXED: Final = "Who is in a picture that is there already stays as it is once the study has begun."


class NotTaken(Exception):
    """A sound picture that this study can't take, and what can be done about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason} {remedy}")


class NameTaken(NotTaken):
    """The study has another picture under that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The study has a different picture called “{name}”.", "Rename the file to import both.")


class ShownWithGrade(NotTaken):
    """Raters see the picture together with its grade: see `teaching`."""

    def __init__(self) -> None:
        super().__init__(
            "Raters see this picture with its grade, to practise on or as an example of the scale.",
            "Take it away there first, if it is to be graded.",
        )


class Outcome(StrEnum):
    NEW = "new"
    SAME_CONTENT = "same content"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture decoded, measured and stored, of which no row tells yet."""

    sha256: str
    perceptual_hash: int
    quality: Quality
    original: str
    rendition: str
    rendition_width: int
    rendition_height: int
    rendition_bytes: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One file to write down: its name, its stored picture, and what a table tells of it."""

    name: str
    picture: Prepared
    facts: Facts


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one file. `first_name` is the name under which its content came first."""

    outcome: Outcome
    image: Image
    name: ImageName
    first_name: str
    made_golden: bool = False
    note: str = ""


@dataclass(slots=True)
class _Changes:
    """What is to be written, in the order in which it came."""

    images: list[Image] = field(default_factory=list)
    renditions: list[Rendition] = field(default_factory=list)
    names: list[ImageName] = field(default_factory=list)
    golden: list[GoldenItem] = field(default_factory=list)
    with_person: list[Image] = field(default_factory=list)


class Batch:
    """Some files on their way into a study, whose row is held."""

    def __init__(self, study: Study, files: Sequence[Incoming], actor: Actor) -> None:
        self._study = study
        self._files = files
        self._actor = actor
        self._thresholds = Thresholds.from_stored(study.prescreen)
        names = ImageName.objects.filter(study=study, name__in=[file.name for file in files]).select_related("image")
        self._names = {name.name: name for name in names}
        contents = [file.picture.sha256 for file in files]
        images = Image.objects.filter(study=study, sha256__in=contents).select_related("person")
        # By content, which stands for an image that has no number yet.
        self._images = {str(image.sha256): image for image in images}
        self._names_of: dict[str, list[str]] = {content: [] for content in contents}
        there = ImageName.objects.filter(image__in=self._images.values()).order_by("repeat")
        for content, name in there.values_list("image__sha256", "name") if self._images else ():
            self._names_of[str(content)].append(name)
        self._golden = self._golden_contents()
        self._teaching = teaching_of(study)
        self._persons = self._wanted_persons()
        self._changes = _Changes()

    def write(self) -> list[Added | NotTaken]:
        """Write all that is new, with its audit records; the answers come in the files' order."""
        answers = [self._decide(file) for file in self._files]
        changes, study_id = self._changes, self._study.pk
        existing = [image for image in changes.with_person if image.pk is not None]
        Image.objects.bulk_update(existing, ["person"])
        Image.objects.bulk_create(changes.images)
        Rendition.objects.bulk_create(changes.renditions)
        ImageName.objects.bulk_create(changes.names)
        GoldenItem.objects.bulk_create(changes.golden)
        names = ((name.image, {"name": name.pk, "repeat": name.repeat}) for name in changes.names)
        audit.record_all(self._actor, "image.added", names, study_id=study_id)
        persons = ((image, {"person": image.person_id}) for image in changes.with_person)
        audit.record_all(self._actor, "image.person_set", persons, study_id=study_id)
        golden = ((item, {"image": item.image_id}) for item in changes.golden)
        audit.record_all(self._actor, "golden.added", golden, study_id=study_id)
        return answers

    def _decide(self, file: Incoming) -> Added | NotTaken:
        content = file.picture.sha256
        known = self._names.get(file.name)
        if known is not None and known.image.sha256 != content:
            return NameTaken(file.name)
        image = self._images.get(content)
        if image is None and self._is_taught(file.picture):
            return ShownWithGrade()
        outcome = Outcome.UNCHANGED if known else Outcome.SAME_CONTENT if image else Outcome.NEW
        image = image or self._new_image(file.picture)
        known = known or self._new_name(image, file)
        note = self._set_person(image, file.facts.person)
        made_golden = file.facts.golden and self._make_golden(image, content)
        return Added(outcome, image, known, self._names_of[content][0], made_golden, note)

    def _is_taught(self, picture: Prepared) -> bool:
        return self._teaching.holds(picture.sha256, picture.perceptual_hash, lambda: file_store.read(picture.rendition))

    def _new_image(self, picture: Prepared) -> Image:
        failure = judge(self._thresholds, picture.quality)
        image = Image(
            study=self._study,
            sha256=picture.sha256,
            perceptual_hash=picture.perceptual_hash,
            width=picture.quality.width,
            height=picture.quality.height,
            quality=asdict(picture.quality),
            original=picture.original,
            rejected_code=failure.code if failure else "",
            rejected_reason=failure.reason[:_MAX_REASON] if failure else "",
        )
        rendition = Rendition(
            image=image,
            width=picture.rendition_width,
            height=picture.rendition_height,
            bytes=picture.rendition_bytes,
            path=picture.rendition,
        )
        self._images[picture.sha256] = image
        self._changes.images.append(image)
        self._changes.renditions.append(rendition)
        return image

    def _new_name(self, image: Image, file: Incoming) -> ImageName:
        names = self._names_of[file.picture.sha256]
        metadata = dict(file.facts.metadata)
        name = ImageName(image=image, study=self._study, name=file.name, repeat=len(names), metadata=metadata)
        names.append(file.name)
        self._names[file.name] = name
        self._changes.names.append(name)
        return name

    def _set_person(self, image: Image, external_id: str) -> str:
        """Say who is in the picture, where nobody has said it; returns a note where that can't be."""
        if not external_id or (image.person is not None and image.person.external_id == external_id):
            return ""
        if image.person is not None:
            return f"The study says that this is person {image.person.external_id}, the table says {external_id}."
        if image.pk is not None and self._study.state != StudyState.DRAFT:
            return PERSON_FIXED
        image.person = self._persons[external_id]
        self._changes.with_person.append(image)
        return ""

    def _make_golden(self, image: Image, content: str) -> bool:
        if content in self._golden:
            return False
        self._golden.add(content)
        self._changes.golden.append(GoldenItem(image=image, study=self._study))
        return True

    def _golden_contents(self) -> set[str]:
        """What is golden already, of the contents of those files that shall be."""
        wanted = [file.picture.sha256 for file in self._files if file.facts.golden]
        if not wanted:
            return set()
        items = GoldenItem.objects.filter(study=self._study, image__sha256__in=wanted)
        return {str(content) for content in items.values_list("image__sha256", flat=True)}

    def _wanted_persons(self) -> dict[str, Person]:
        """The persons that the files name; those that the study doesn't know yet are made."""
        wanted = list(dict.fromkeys(file.facts.person for file in self._files if file.facts.person))
        if not wanted:
            return {}
        persons = Person.objects.filter(study=self._study, external_id__in=wanted)
        known = {person.external_id: person for person in persons}
        new = [Person(study=self._study, external_id=external_id) for external_id in wanted if external_id not in known]
        return known | {person.external_id: person for person in Person.objects.bulk_create(new)}
