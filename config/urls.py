"""Addresses of every page of the site."""

from django.urls import include, path

from config import preparation

urlpatterns = [
    path("preparation.json", preparation.progress, name="preparation"),
    path("", include("accounts.urls")),
    path("", include("labeler.urls")),
    path("", include("grading.urls")),
    path("", include("scoring.urls")),
]
