"""Addresses of every page."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
]
