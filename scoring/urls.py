"""Addresses of the site's pages about scoring; the API's own are in `config.scoring_urls`."""

from django.urls import path

from scoring import views

urlpatterns = [
    path("studies/<int:study_id>/scoring/", views.scoring_keys, name="scoring_keys"),
    path("studies/<int:study_id>/scoring/<int:key_id>/revoke/", views.revoke_key, name="scoring_key_revoke"),
]
