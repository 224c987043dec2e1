"""Where a study stands, and what its lead does next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labeler import changes
from labeler.clusters import not_searched
from labeler.models import (
    GoldenItem,
    Image,
    Membership,
    MembershipState,
    Person,
    Role,
    Study,
    StudyState,
    usable_images,
)
from labeler.progress import Progress, progress_of


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of a study: of its pictures, its people and its answers.

    rejected: images that the prescreening or the lead left out. unsearched: those not looked at for duplicates and
    persons. to_draw: golden images to be drawn when labelling begins. waiting: images that came while the study runs,
    and were dealt to nobody.
    """

    images: int
    rejected: int
    unsearched: int
    golden: int
    to_draw: int
    persons: int
    raters: int
    panel_elsewhere: int
    waiting: int
    state: StudyState
    progress: Progress

    @property
    def training(self) -> int:
        return self.images - self.rejected - self.golden - self.to_draw

    @property
    def dealt(self) -> bool:
        return self.state != StudyState.DRAFT


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
    images = Image.objects.filter(study=study, erased_at__isnull=True)
    golden = GoldenItem.objects.filter(usable_images("image__"), study=study, withdrawn_at__isnull=True)
    return Overview(
        images=images.count(),
        rejected=images.exclude(usable_images()).count(),
        unsearched=not_searched(study),
        golden=golden.count(),
        to_draw=study.golden_draw_size if study.state == StudyState.DRAFT else 0,
        persons=Person.objects.filter(study=study).count(),
        raters=sum(member.user_id is not None and member.state == MembershipState.ACTIVE for member in members),
        panel_elsewhere=sum(member.user_id is None for member in members),
        waiting=changes.waiting(study) if study.state in changes.RUNNING else 0,
        state=StudyState(study.state),
        progress=sum(progress_of(member.pk for member in members).values(), Progress()),
    )


def steps(there: Overview) -> list[Step]:
    """The path from an empty study to its close, the next step marked."""
    elsewhere_only = there.panel_elsewhere > 0 and there.raters == 0
    begun = there.dealt or elsewhere_only
    graded = there.progress.total > 0 and there.progress.left == 0
    path = [
        Step("Import the images", _images(there), there.images > 0, "study_import", "Import"),
        Step(
            "Find duplicates and persons",
            _search(there),
            there.images > 0 and (not there.unsearched or begun),
            "study_clusters",
            "Search",
        ),
        Step(
            "Choose the golden set", _golden(there), there.golden + there.to_draw > 0 or begun, "study_golden", "Choose"
        ),
        Step("Add the raters", _raters(there), there.raters + there.panel_elsewhere > 0, "study_members", "Raters"),
        Step("Allocate, and begin labelling", _dealing(elsewhere_only), begun, "study_assign", "Preview"),
        Step(
            "Grade",
            f"{there.progress.answered} of {there.progress.total} answers given.",
            graded,
            "study_members",
            "Progress",
        ),
        Step("Close", _close(there), there.state == StudyState.CLOSED, "study_close", "Close"),
    ]
    if not there.dealt:
        path.pop()
    following = next((place for place, step in enumerate(path) if not step.done), -1)
    return [replace(step, is_next=place == following) for place, step in enumerate(path)]


def _images(there: Overview) -> str:
    if not there.images:
        return "Files, a folder, a zip, addresses, or a cloud store."
    rejected = f", {there.rejected} of them rejected" if there.rejected else ""
    return f"{there.images} images so far{rejected}."


def _search(there: Overview) -> str:
    if there.unsearched:
        return f"{there.unsearched} images were not looked at yet. One face must not be in two folds, or on both sides."
    return "Pictures that belong together stay together."


def _golden(there: Overview) -> str:
    parts = [f"{there.golden} chosen"] if there.golden and not there.dealt else []
    parts += [f"{there.to_draw} will be drawn when labelling begins"] if there.to_draw else []
    if parts:
        return ", ".join(parts).capitalize() + ". Everybody grades them."
    if there.golden:
        return f"{there.golden} of {there.images} images are golden: everybody grades them."
    if there.dealt:
        return "There is none, so it can’t be told how well the panel agrees."
    return "Golden images are graded by everybody and show how well the panel agrees. Best drawn at random."


def _raters(there: Overview) -> str:
    elsewhere = f", {there.panel_elsewhere} without" if there.panel_elsewhere else ""
    return f"{there.raters} with an account{elsewhere}."


def _dealing(elsewhere_only: bool) -> str:
    if elsewhere_only:
        return "Raters without an account bring their grades from a file; nothing is assigned to them."
    return "Even folds of training images, and the whole golden set to everybody. A commitment is published."


def _grading(there: Overview) -> str:
    return f"{there.progress.answered} of {there.progress.total} answers given."


def _close(there: Overview) -> str:
    if there.state == StudyState.CLOSED:
        return "No more grades. What was committed to at the start is open to everybody in the study."
    return "Ends the grading for good, and opens what was committed to at the start."
