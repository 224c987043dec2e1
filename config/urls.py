"""Addresses of every page of the site."""

from django.urls import include, path

from config import preparation

urlpatterns = [
    # First what is asked for hundreds of times a second.
    path("", include("labeler.urls")),
    path("preparation.json", preparation.progress, name="preparation"),
    path("", include("accounts.urls")),
    path("", include("grading.urls")),
    path("", include("scoring.urls")),
]
