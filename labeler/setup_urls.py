"""Addresses of the pages on which a lead sets a study up."""

from django.urls import path

from labeler.views import golden, practice, settings

_STUDY = "studies/<int:study_id>/"

urlpatterns = [
    path(f"{_STUDY}settings/", settings.study_settings, name="study_settings"),
    path(f"{_STUDY}settings/scale/", settings.study_scale, name="study_scale"),
    path(f"{_STUDY}levels/<int:level_id>/example.jpg", settings.level_example, name="level_example"),
    path(f"{_STUDY}practice/", practice.study_practice, name="study_practice"),
    path(f"{_STUDY}practice/preview/", practice.practice_preview, name="practice_preview"),
    path(f"{_STUDY}practice/<int:item_id>/", practice.practice_item, name="practice_item"),
    path(f"{_STUDY}practice/<int:item_id>.jpg", practice.practice_picture, name="practice_picture"),
    path(f"{_STUDY}copy/", settings.study_copy, name="study_copy"),
    path(f"{_STUDY}golden/", golden.study_golden, name="study_golden"),
    path(f"{_STUDY}golden/draw/", golden.golden_draw, name="golden_draw"),
    path(f"{_STUDY}golden/table/", golden.golden_table, name="golden_table"),
    path(f"{_STUDY}golden/complete/", golden.golden_complete, name="golden_complete"),
    path(f"{_STUDY}golden/open/", golden.golden_open, name="golden_open"),
    path(f"{_STUDY}golden/choose/", golden.golden_choose, name="golden_choose"),
    path(f"{_STUDY}golden/list/", golden.golden_list, name="golden_list"),
]
