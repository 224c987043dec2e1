"""Addresses of the pages on which a lead runs a study."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
