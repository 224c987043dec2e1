"""How commands find a study."""

from __future__ import annotations

from django.core.management.base import CommandError

from labeler.models import Study

STUDY_HELP = "the study's number (it stands in the address of its pages) or its exact name"


def study_of(given: str) -> Study:
    """The study of that name or number. Raises CommandError that lists what there is."""
    found = Study.objects.filter(name=given).first()
    if found is None and given.isascii() and given.isdigit():
        found = Study.objects.filter(pk=int(given)).first()
    if found is None:
        there = ", ".join(f"{study.pk} “{study.name}”" for study in Study.objects.order_by("pk")[:20])
        raise CommandError(f"There is no study {given!r}; there are: {there or 'none'}.")
    return found
