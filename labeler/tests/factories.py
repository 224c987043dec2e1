"""Pictures and assignments for tests of the labelling page, without going through import and assignment."""

from __future__ import annotations

import hashlib
import io
from uuid import uuid4

from django.test import Client
from PIL import Image as Picture

from accounts import audit
from accounts.models import User
from labeler import file_store
from labeler.answering import Answer
from labeler.models import Assignment, GoldenItem, Image, Membership, Rendition, Study, StudyState
from labeler.studies import set_state

SORT_KEY_STEP = 1000


def picture(number: int, width: int = 96, height: int = 128) -> bytes:
    """A small JPEG of one colour, another for each number."""
    colour = ((37 * number) % 256, (91 * number) % 256, (53 * number) % 256)
    file = io.BytesIO()
    Picture.new("RGB", (width, height), colour).save(file, "JPEG", quality=90)
    return file.getvalue()


def make_image(study: Study, number: int, *, golden: bool = False) -> Image:
    """An image of the study with its rendition, and a place in the golden set if so."""
    data = picture(number)
    sha256 = hashlib.sha256(data + number.to_bytes(8, "big")).hexdigest()
    made = Image.objects.create(study=study, sha256=sha256, perceptual_hash=number, width=96, height=128)
    path = file_store.keep_rendition(study.pk, sha256, data)
    Rendition.objects.create(image=made, width=96, height=128, bytes=len(data), path=path)
    if golden:
        GoldenItem.objects.create(study=study, image=made)
    return made


def deal(membership: Membership, images: list[Image]) -> list[Assignment]:
    """Assign the images in that order."""
    return Assignment.objects.bulk_create(
        Assignment(membership=membership, image=image, rendition=image.rendition, sort_key=place * SORT_KEY_STEP)
        for place, image in enumerate(images, start=1)
    )


def start(membership: Membership, size: int, *, golden_every: int = 0) -> list[Assignment]:
    """A study that labels, with `size` images for this rater, each `golden_every`-th of them golden."""
    images = [
        make_image(membership.study, number, golden=bool(golden_every) and number % golden_every == 0)
        for number in range(1, size + 1)
    ]
    assignments = deal(membership, images)
    set_state(membership.study, StudyState.LABELLING, actor=audit.SYSTEM)
    return assignments


def grade(token: str, value: float = 3, **fields: object) -> Answer:
    return Answer(token=token, client_key=uuid4(), level_value=value, **fields)  # type: ignore[arg-type]


def message(token: str, level: float | None = 3, **fields: object) -> dict[str, object]:
    """An answer as the page posts it."""
    return {"token": token, "client_key": str(uuid4()), "level": level, **fields}


def by_region(study: Study) -> None:
    """A study, before it labels, that grades forehead, cheeks and chin too."""
    Study.objects.filter(pk=study.pk).update(grade_regions=True)
    study.grade_regions = True


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client
