"""Addresses of the rater's page; included by `labeler.urls`."""

from django.urls import path

from labeler.views import labelling, mine, practice

urlpatterns = [
    path("studies/<int:study_id>/label/", labelling.label, name="label"),
    path("studies/<int:study_id>/label/welcome/", practice.label_welcome, name="label_welcome"),
    path("studies/<int:study_id>/label/window.json", labelling.window, name="label_window"),
    path("studies/<int:study_id>/label/previous.json", labelling.previous, name="label_previous"),
    path("studies/<int:study_id>/label/answers", labelling.answers, name="label_answers"),
    path("studies/<int:study_id>/label/mine/", mine.label_mine, name="label_mine"),
    path("studies/<int:study_id>/label/mine/more.json", mine.label_mine_more, name="label_mine_more"),
    path("studies/<int:study_id>/label/mine/counts.json", mine.label_mine_counts, name="label_mine_counts"),
    path("studies/<int:study_id>/label/i/<slug:token>.jpg", labelling.image, name="label_image"),
]
