"""Addresses of the pages on which a lead runs a study, and of its commitments."""

from django.urls import path

from labeler.views import commitment, raters, running

_STUDY = "studies/<int:study_id>/"
_SEAT = f"{_STUDY}members/<int:membership_id>/"

urlpatterns = [
    path(f"{_STUDY}state/", running.study_state, name="study_state"),
    path(f"{_STUDY}close/", running.study_close, name="study_close"),
    path(f"{_STUDY}deal/", running.deal_added, name="deal_added"),
    path(f"{_STUDY}golden/<int:image_id>/withdraw/", running.golden_withdraw, name="golden_withdraw"),
    path(f"{_STUDY}members/", raters.study_members, name="study_members"),
    path(f"{_STUDY}members/admit/", raters.member_admit, name="member_admit"),
    path(f"{_SEAT}withdraw/", raters.member_withdraw, name="member_withdraw"),
    path(f"{_SEAT}link/", raters.member_link, name="member_link"),
    path(f"{_STUDY}commitment/", commitment.study_commitment, name="study_commitment"),
    path(f"{_STUDY}commitment/published.txt", commitment.study_commitment_published, name="study_commitment_published"),
    path(
        f"{_STUDY}commitment/<int:number>.txt",
        commitment.study_commitment_document,
        name="study_commitment_document",
    ),
]
