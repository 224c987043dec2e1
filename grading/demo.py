"""The example study: drawn faces, graded by a simulated panel, with one rater's place left for whoever tries Goldfold.

Everything in it is synthetic, and every page of it says so.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from grading.runs import start_run
from jobs import lifecycle
from jobs.running import Progress
from labeler import clusters
from labeler.assignment import assign
from labeler.importing import add_image
from labeler.models import Assignment, Image, ImageName, Label, LabelSource, Level, Membership, Role, Study, StudyState
from labeler.studies import add_member, create_study
from mlcore.synthetic import (
    PUBLISHED_PANEL,
    CohortConfig,
    SimulatedRater,
    Subject,
    cohort,
    draw_face,
    encode_jpeg,
    simulate_panel,
)

MAKE_EXAMPLE: Final = "grading.make_example_study"
STUDY_NAME = "Example study (synthetic faces)"
LEAD_EMAIL, RATER_EMAIL = "lead@example.org", "rater@example.org"
SEED = 2018
SIGN_INS = "example-sign-ins.txt"
# The published panel but one, whose place is the newcomer's; by the name that the study has for each.
SIMULATED: Final[Mapping[str, SimulatedRater]] = {
    f"Simulated rater {number}": rater
    for number, rater in enumerate(PUBLISHED_PANEL[:5] + PUBLISHED_PANEL[6:], start=1)
}


class DemoRefused(Exception):
    """Why no example study is made here."""


@dataclass(frozen=True, slots=True)
class DemoSize:
    """How many pictures to draw, and at least how many of them are golden."""

    images: int = 400
    golden: int = 62


@dataclass(frozen=True, slots=True)
class SignIns:
    lead: str
    rater: str
    passphrase: str


def create_demo(size: DemoSize = DemoSize()) -> tuple[Study, SignIns]:
    """Make the example study and its accounts, and queue the job that fills it; what is there already stays.

    Raises DemoRefused where the site can be reached from other machines, as the sign-ins lie in a file.
    """
    host = urlsplit(settings.SITE_URL).hostname
    if host not in {"127.0.0.1", "localhost", "::1"}:
        raise DemoRefused(f"The example study is for this machine only, and SITE_URL names {host}.")
    found = Study.objects.filter(name=STUDY_NAME).first()
    if found is not None:
        return found, _sign_ins()
    sign_ins = _sign_ins()
    with transaction.atomic():
        lead = _account(sign_ins.lead, "Example lead", sign_ins.passphrase, is_admin=True)
        rater = _account(sign_ins.rater, "Example rater", sign_ins.passphrase)
        study = create_study(STUDY_NAME, actor=audit.SYSTEM, lead=lead, seed=SEED, is_synthetic=True, welcome=True)
        for name in SIMULATED:
            add_member(study, Role.RATER, actor=audit.SYSTEM, external_name=name)
        add_member(study, Role.RATER, actor=audit.SYSTEM, user=rater)
        params = {"images": size.images, "golden": size.golden}
        lifecycle.enqueue(
            MAKE_EXAMPLE,
            actor=audit.SYSTEM,
            study_id=study.pk,
            params=params,
            dedup_key=f"{MAKE_EXAMPLE} {study.pk}",
        )
    return study, sign_ins


def _sign_ins() -> SignIns:
    """The example accounts; their passphrase is random, made once, and kept in a file that only its owner reads."""
    path = Path(settings.GOLDFOLD_HOME) / SIGN_INS
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(f"clear-skin-{secrets.token_hex(4)}\n")
        draft.replace(path)
    return SignIns(LEAD_EMAIL, RATER_EMAIL, path.read_text().strip())


def _account(email: str, name: str, passphrase: str, is_admin: bool = False) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, passphrase, name=name, is_admin=is_admin)
        audit.record(audit.SYSTEM, "user.created", user, after={"email": email, "example": True})
    return user


def make_example(progress: Progress) -> Mapping[str, Any]:
    """Fill the example study: draw, import, assign, grade by the simulated panel, and start a training.

    May be run again after it was interrupted: it goes on where it stopped.
    """
    study = Study.objects.get(name=STUDY_NAME)
    images, golden = progress.job.params["images"], progress.job.params["golden"]
    config = CohortConfig(size=images, seed=SEED)
    subjects = cohort(config)
    _import_faces(study, subjects, config, golden_persons(subjects, golden), progress)
    if study.state == StudyState.DRAFT:
        progress.report(images, images, "Assigning the images")
        clusters.recluster(study, actor=audit.SYSTEM)  # by person: the drawn faces are no near-duplicates
        raters = Membership.objects.filter(study=study, role=Role.RATER)
        assign(study, actor=audit.SYSTEM, memberships=list(raters))
    progress.report(images, images, "Grading by the simulated panel")
    labels = grade_by_panel(study, subjects)
    progress.report(images, images, "Done; a model is being trained")
    if not study.runs.exists():
        start_run(study, actor=audit.SYSTEM)
    return {"images": images, "labels": labels}


def golden_persons(subjects: Sequence[Subject], at_least: int) -> frozenset[str]:
    """People whose every selfie is golden, drawn at random until the set is large enough: nobody is on both sides."""
    persons = sorted({subject.person for subject in subjects})
    chosen: set[str] = set()
    for place in np.random.default_rng(SEED).permutation(len(persons)):
        if sum(subject.person in chosen for subject in subjects) >= at_least:
            break
        chosen.add(persons[place])
    return frozenset(chosen)


def _name(subject: Subject) -> str:
    return f"selfie-{subject.index + 1:04d}.jpg"


def _import_faces(
    study: Study, subjects: Sequence[Subject], config: CohortConfig, golden: frozenset[str], progress: Progress
) -> None:
    there = set(ImageName.objects.filter(study=study).values_list("name", flat=True))
    for number, subject in enumerate(subjects, start=1):
        name = _name(subject)
        if name not in there:
            data = encode_jpeg(draw_face(subject, config))
            is_golden = subject.person in golden
            add_image(study, name, data, actor=audit.SYSTEM, person=subject.person, golden=is_golden)
        progress.report(number, len(subjects), f"Drawing faces: {number} of {len(subjects)}")


@transaction.atomic
def grade_by_panel(study: Study, subjects: Sequence[Subject]) -> int:
    """Give every simulated rater's answer to each of their images, once. Returns how many labels there are then."""
    levels = {level.value: level for level in study.levels.all()}
    severity = np.array([subject.severity for subject in subjects])
    grades = simulate_panel(severity, list(SIMULATED.values()), seed=SEED, levels=sorted(levels))
    place_of_image = _images_by_place(study, subjects)
    for column, name in enumerate(SIMULATED):
        membership = Membership.objects.get(study=study, external_name=name)
        if not Label.objects.filter(assignment__membership=membership).exists():
            _answer_all(membership, place_of_image, grades[:, column], levels)
    audit.record(audit.SYSTEM, "panel.simulated", study, study_id=study.pk, after={"raters": len(SIMULATED)})
    return Label.objects.filter(assignment__membership__study=study).count()


def _images_by_place(study: Study, subjects: Sequence[Subject]) -> dict[int, int]:
    place_of_name = {_name(subject): place for place, subject in enumerate(subjects)}
    images = Image.objects.filter(study=study, names__repeat=0).values_list("pk", "names__name")
    return {image_id: place_of_name[name] for image_id, name in images}


def _answer_all(
    membership: Membership, place_of_image: Mapping[int, int], grades: np.ndarray, levels: Mapping[float, Level]
) -> None:
    """The rater sees each image in the assigned order and answers at once; how long it took is left empty."""
    now = timezone.now()
    assignments = list(Assignment.objects.filter(membership=membership, revoked_at=None).order_by("sort_key"))
    for sequence, assignment in enumerate(assignments, start=1):
        assignment.released_at = assignment.first_shown_at = now
        assignment.shown_seq = sequence
    Assignment.objects.bulk_update(assignments, ["released_at", "first_shown_at", "shown_seq"], batch_size=500)
    Label.objects.bulk_create(
        Label(
            assignment=assignment,
            version=1,
            client_key=uuid.uuid4(),
            level=levels[float(grades[place_of_image[assignment.image_id]])],
            source=LabelSource.SIMULATION,
        )
        for assignment in assignments
    )
