"""Raters come into a study by this form."""

from __future__ import annotations

from django import forms


class RaterForm(forms.Form):
    email = forms.EmailField(help_text="Whoever has no account yet gets one, with a link that you hand over.")
    name = forms.CharField(required=False, max_length=120, help_text="For a new account; optional.")
