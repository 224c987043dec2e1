"""Addresses of the rater's page; included by `labeler.urls`."""

from django.urls import path

from labeler.views import labelling

urlpatterns = [
    path("studies/<int:study_id>/label/", labelling.label, name="label"),
    path("studies/<int:study_id>/label/window.json", labelling.window, name="label_window"),
    path("studies/<int:study_id>/label/previous.json", labelling.previous, name="label_previous"),
    path("studies/<int:study_id>/label/answers", labelling.answers, name="label_answers"),
    path("studies/<int:study_id>/label/i/<slug:token>.jpg", labelling.image, name="label_image"),
]
