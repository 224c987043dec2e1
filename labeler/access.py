"""Who may see what of a study. To somebody who is not in it, a study does not exist (404)."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts.audit import Actor
from accounts.models import User
from jobs.models import Job
from labeler.begin_labelling import BEGIN
from labeler.clusters import EXAMINE
from labeler.commitments import IMAGES_ADDED
from labeler.import_jobs import IMAGES
from labeler.models import Commitment, Membership, MembershipState, Role, Sight, Study, StudyState
from labeler.sight import RATES, StillRating, has_seen, rates_blindly, record_sight

# Work whose progress and outcome tell nothing of grades.
OPEN_WORK = (BEGIN, EXAMINE, IMAGES)


def member_of(user: object, study_id: int, role: Role) -> Membership | None:
    """The active membership of `user` in that role, with its study."""
    if not isinstance(user, User):
        return None
    return (
        Membership.objects.filter(user=user, study_id=study_id, role=role, state=MembershipState.ACTIVE)
        .select_related("study")
        .first()
    )


def require_lead(request: HttpRequest, study_id: int) -> Membership:
    """The lead's membership, or Http404. Views call it first, behind `login_required`."""
    membership = member_of(request.user, study_id, Role.LEAD)
    if membership is None:
        raise Http404("no such study")
    return membership


def require_lead_not_rating(request: HttpRequest, study_id: int) -> Membership:
    """As `require_lead`, for statistics and exports: PermissionDenied for a lead who rates, until the close."""
    membership = require_lead(request, study_id)
    if is_blind(request, membership.study):
        raise PermissionDenied(RATES)
    return membership


def is_blind(request: HttpRequest, study: Study) -> bool:
    """Whether who asks rates in the study, so may not be told what is golden or how anybody grades, until the close."""
    return isinstance(request.user, User) and rates_blindly(study, request.user)


def knows_golden(request: HttpRequest, study: Study) -> bool:
    """Whether the golden set is no secret to who asks: they have seen it, or the study is closed."""
    return study.state == StudyState.CLOSED or (isinstance(request.user, User) and has_seen(study, request.user))


def hides_sizes(request: HttpRequest, study: Study) -> bool:
    """Whether who asks may not be told how much is golden and how much everybody has.

    A lead who rates may know each image that came late. How sizes changed when it was dealt tells whether it is golden,
    or what the image is that it belongs together with.
    """
    if study.state not in (StudyState.LABELLING, StudyState.PAUSED):
        return False
    return Commitment.objects.filter(study=study, event=IMAGES_ADDED).exists() and is_blind(request, study)


def require_lead_for_work(request: HttpRequest, study_id: int, job_id: int) -> tuple[Study, Job]:
    """A study's job for its lead, or Http404. PermissionDenied for a lead who rates where it may tell of grades."""
    study = require_lead(request, study_id).study
    job = Job.objects.filter(pk=job_id, study_id=study_id).first()
    if job is None:
        raise Http404("no such work")
    if job.kind not in OPEN_WORK and is_blind(request, study):
        raise PermissionDenied(RATES)
    return study, job


def require_lead_to_see_golden(request: HttpRequest, study_id: int, how: Sight = Sight.OPENED) -> Membership:
    """As `require_lead`, for what tells which images are golden: it is written down who sees it.

    Raises PermissionDenied for a lead who rates in the study, until it is closed.
    """
    membership = require_lead(request, study_id)
    try:
        record_sight(membership.study, how, Actor.of(request))
    except StillRating as error:
        raise PermissionDenied(error.message) from error
    return membership
