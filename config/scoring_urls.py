"""Addresses of the scoring process: the API and nothing else."""

from django.urls import path

from scoring.api import api

urlpatterns = [path("api/v1/", api.urls)]
handler404 = "scoring.api.not_found"
handler500 = "scoring.api.server_error"
