"""The search for near-duplicates and persons: look at every picture, link those that belong together, make clusters.

Imports dlib, so only workers import it. Looked at are the renditions, not the originals: they are upright JPEGs of at
most 1,600 pixels, decoded in a fraction of a photograph's time, and nothing here looks at more than that: faces are
found on 480 pixels and recognised on 150, copies on 320.

A search that was killed goes on with the pictures that it has not looked at. Links are found anew each time, and
written in one transaction with the clusters. In a study that runs nothing that was dealt changes: links between images
in different folds are told by `labeler.cluster_list.between_folds`, those between golden and training images by
`labeler.golden.straddling`, and training leaves out what shares a cluster with a golden image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts import audit
from accounts.audit import Actor
from grading.examiners import examined
from jobs import lifecycle
from jobs.models import Job
from jobs.running import FINISHED, JobFailed, Progress, Report, seldom
from labeler import clusters, file_store
from labeler.cluster_list import between_folds
from labeler.models import Examination, Image, ImageLink, LinkKind, Study, StudyState
from labeler.prescreening import screen
from mlcore.examiner import EXAMINER, Examined
from mlcore.faces import EMBEDDING_SIZE, FaceModelMissing
from mlcore.near_duplicates import find_copies
from mlcore.persons import same_persons

_BATCH: Final = 32
_LINKS: Final = 5_000


def examine_images(progress: Progress) -> Mapping[str, Any]:
    """Do the search of the job whose progress this is, and end the job.

    Raises JobFailed with what a person can act on, and JobLost once the job is not ours any more.
    """
    study = Study.objects.get(pk=progress.job.study_id or 0)
    try:
        look(study, progress.job, progress.report)
        # Images that came meanwhile are looked at too, before anything counts as searched.
        while not _settle(study, progress.job, find_links(study, progress.report)):
            look(study, progress.job, progress.report)
    except FaceModelMissing as error:
        raise JobFailed(str(error)) from error
    return FINISHED


def _unseen(study: Study) -> QuerySet[Image]:
    seen = Examination.objects.filter(image=OuterRef("pk"), examiner=EXAMINER)
    return Image.objects.filter(~Exists(seen), study=study, erased_at__isnull=True)


def look(study: Study, job: Job, report: Report) -> int:
    """Look at every picture of the study that this examiner has not seen; returns how many.

    Written every few pictures, each time only while the job is still ours.
    """
    waiting = list(_unseen(study).order_by("pk").values_list("pk", "rendition__path"))
    total = Image.objects.filter(study=study, erased_at__isnull=True).count()
    tell, done = seldom(report), total - len(waiting)
    paths = (file_store.path_of(path) if path else file_store.path_of("missing") for _, path in waiting)
    batch: list[tuple[int, Examined | None]] = []
    for (image, _), found in zip(waiting, examined(paths, count=len(waiting)), strict=True):
        tell(done, total, "Looking at faces and texture")
        batch.append((image, found))
        done += 1
        if len(batch) == _BATCH:
            _write(batch, job)
            batch = []
    _write(batch, job)
    return len(waiting)


@transaction.atomic
def _write(batch: Sequence[tuple[int, Examined | None]], job: Job) -> None:
    lifecycle.hold(job)
    # What was erased meanwhile stays erased.
    images = Image.objects.filter(pk__in=[image for image, _ in batch], erased_at__isnull=True)
    there = set(images.select_for_update(no_key=True).values_list("pk", flat=True))
    Examination.objects.bulk_create(
        [_row(image, found) for image, found in batch if image in there],
        update_conflicts=True,
        unique_fields=["image"],
        update_fields=["faces", "face_share", "embedding", "descriptor", "examiner"],
    )


def _row(image: int, found: Examined | None) -> Examination:
    """A picture whose file can't be read was looked at too, and is like no other."""
    if found is None:
        return Examination(image_id=image, faces=0, examiner=EXAMINER)
    return Examination(
        image_id=image,
        faces=found.faces,
        face_share=found.face_share,
        embedding=found.embedding,
        descriptor=found.descriptor,
        examiner=EXAMINER,
    )


def find_links(study: Study, report: Report) -> list[ImageLink]:
    """What the study's examinations say of which pictures belong together; writes nothing."""
    return [*_copies(study, report), *_persons(study)]


def _copies(study: Study, report: Report) -> Iterator[ImageLink]:
    seen = Examination.objects.filter(image__study=study, image__erased_at__isnull=True).order_by("image_id")
    rows = list(seen.values_list("image_id", "descriptor", "image__perceptual_hash").iterator())
    tell = seldom(report)
    found = find_copies(
        [None if packed is None else bytes(packed) for _, packed, _ in rows],
        [looks for _, _, looks in rows],
        lambda done, total: tell(done, total, "Looking for copies"),
    )
    for copy in found:
        yield _link(study, rows[copy.first][0], rows[copy.second][0], LinkKind.DUPLICATE, copy.distance)


def _persons(study: Study) -> Iterator[ImageLink]:
    seen = Examination.objects.filter(image__study=study, image__erased_at__isnull=True, embedding__isnull=False)
    rows = list(seen.order_by("image_id").values_list("image_id", "embedding", "image__person_id").iterator())
    embeddings = np.frombuffer(b"".join(bytes(packed or b"") for _, packed, _ in rows), dtype="<f4")
    for alike in same_persons(embeddings.reshape(-1, EMBEDDING_SIZE), [person for *_, person in rows]):
        yield _link(study, rows[alike.first][0], rows[alike.second][0], LinkKind.PERSON, alike.distance)


def _link(study: Study, first: int, second: int, kind: LinkKind, distance: float) -> ImageLink:
    return ImageLink(study=study, first_id=first, second_id=second, kind=kind, distance=distance)


@transaction.atomic
def _settle(study: Study, job: Job, links: Sequence[ImageLink]) -> bool:
    """Write the links and the clusters that they make, and end the job. False while there are unseen pictures."""
    lifecycle.hold(job)
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if _unseen(study).exists():
        return False
    actor = Actor(job.created_by)
    there = set(Image.objects.filter(study=study, erased_at__isnull=True).values_list("pk", flat=True))
    ImageLink.objects.filter(study=study).delete()
    kept = [link for link in links if link.first_id in there and link.second_id in there]
    ImageLink.objects.bulk_create(kept, batch_size=_LINKS)
    if study.state != StudyState.CLOSED:
        screen(study, actor=actor)
    result = {
        "images": len(there),
        "unreadable": Examination.objects.filter(image__study=study, descriptor__isnull=True).count(),
        "copies": sum(link.kind == LinkKind.DUPLICATE for link in kept),
        "same_faces": sum(link.kind == LinkKind.PERSON for link in kept),
        "clusters": clusters.recluster(study, actor=actor),
        "between_folds": len(between_folds(study)),
    }
    audit.record(actor, "clusters.searched", study, study_id=study.pk, after=result)
    lifecycle.finish(job, result)
    return True
