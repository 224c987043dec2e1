"""Where a study stands, and what its lead does next."""

from __future__ import annotations

from dataclasses import dataclass

from labeler.assignment import raters_to_deal_to
from labeler.models import GoldenItem, Image, Membership, Person, Role, Study, StudyState
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
        raters=raters_to_deal_to(study).count(),
        panel_elsewhere=sum(member.user_id is None for member in members),
        dealt=study.state != StudyState.DRAFT,
        progress=sum(progress_of(members).values(), Progress()),
    )


def steps(there: Overview) -> list[Step]:
    """The path from an empty study to its results, the next step marked."""
    golden = (
        f"{there.golden} of {there.images} images are golden: everybody grades them."
        if there.golden
        else "Golden images are graded by everybody and show how well the panel agrees. Name them in the table."
    )
    raters = f"{there.raters} with an account" + (f", {there.panel_elsewhere} without" if there.panel_elsewhere else "")
    path = [
        Step("Import the images", f"{there.images} images so far.", there.images > 0, "study_import", "Images"),
        Step("Choose the golden set", golden, there.golden > 0, "study_import", "Images"),
        Step("Add the raters", f"{raters}.", there.raters + there.panel_elsewhere > 0, "study_members", "Raters"),
        Step(
            "Assign the images",
            "Even folds of training images, and the whole golden set to everybody."
            if there.raters
            else "Raters without an account bring their grades from a file; nothing is assigned to them.",
            there.dealt or (there.panel_elsewhere > 0 and not there.raters),
            "study_assign",
            "Assign",
        ),
        Step(
            "Grade",
            f"{there.progress.answered} of {there.progress.total} answers given.",
            there.progress.total > 0 and there.progress.left == 0,
            "study_members",
            "Progress",
        ),
    ]
    following = next((place for place, step in enumerate(path) if not step.done), -1)
    return [
        Step(step.title, step.text, step.done, step.url_name, step.action, is_next=place == following)
        for place, step in enumerate(path)
    ]
