"""Addresses of the pages on which a lead sets a study up."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
