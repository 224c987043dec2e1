"""Addresses of every page of the site."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("", include("labeler.urls")),
    path("", include("grading.urls")),
    path("", include("scoring.urls")),
]
