"""Where a study stands, and what its lead does next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labeler.models import GoldenItem, Image, Membership, MembershipState, Person, Role, Study, StudyState
from labeler.progress import Progress, progress_of


@dataclass(frozen=True, slots=True)
class Overview:
    images: int
    golden: int
    persons: int
    raters: int
    panel_elsewhere: int
    dealt: bool
    progress: Progress

    @property
    def training(self) -> int:
        return self.images - self.golden


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a study. `url_name` is its page; `is_next` marks the first one that is not done."""

    title: str
    text: str
    done: bool
    url_name: str
    action: str
    is_next: bool = False


def overview(study: Study) -> Overview:
    members = list(Membership.objects.filter(study=study, role=Role.RATER))
    return Overview(
        images=Image.objects.filter(study=study, erased_at__isnull=True).count(),
        golden=GoldenItem.objects.filter(study=study, withdrawn_at__isnull=True).count(),
        persons=Person.objects.filter(study=study).count(),
        raters=sum(member.user_id is not None and member.state == MembershipState.ACTIVE for member in members),
        panel_elsewhere=sum(member.user_id is None for member in members),
        dealt=study.state != StudyState.DRAFT,
        progress=sum(progress_of(member.pk for member in members).values(), Progress()),
    )


def steps(there: Overview) -> list[Step]:
    """The path from an empty study to its results, the next step marked."""
    elsewhere_only = there.panel_elsewhere > 0 and there.raters == 0
    path = [
        Step("Import the images", f"{there.images} images so far.", there.images > 0, "study_import", "Images"),
        Step("Choose the golden set", _golden(there), there.golden > 0 or there.dealt, "study_import", "Images"),
        Step("Add the raters", _raters(there), there.raters + there.panel_elsewhere > 0, "study_members", "Raters"),
        Step("Assign the images", _dealing(elsewhere_only), there.dealt or elsewhere_only, "study_assign", "Assign"),
        Step(
            "Grade",
            f"{there.progress.answered} of {there.progress.total} answers given.",
            there.progress.total > 0 and there.progress.left == 0,
            "study_members",
            "Progress",
        ),
    ]
    following = next((place for place, step in enumerate(path) if not step.done), -1)
    return [replace(step, is_next=place == following) for place, step in enumerate(path)]


def _golden(there: Overview) -> str:
    if there.golden:
        return f"{there.golden} of {there.images} images are golden: everybody grades them."
    if there.dealt:
        return "There is none, so it can’t be told how well the panel agrees."
    return "Golden images are graded by everybody and show how well the panel agrees. Name them in the images’ table."


def _raters(there: Overview) -> str:
    elsewhere = f", {there.panel_elsewhere} without" if there.panel_elsewhere else ""
    return f"{there.raters} with an account{elsewhere}."


def _dealing(elsewhere_only: bool) -> str:
    if elsewhere_only:
        return "Raters without an account bring their grades from a file; nothing is assigned to them."
    return "Even folds of training images, and the whole golden set to everybody."
