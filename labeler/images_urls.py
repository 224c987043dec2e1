"""Addresses of the pages that show a lead the study's pictures."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
