"""Raters come into a study and leave it by these forms."""

from __future__ import annotations

from typing import Any

from django import forms

from labeler.raters import LONGEST_REASON


class RaterForm(forms.Form):
    email = forms.EmailField(help_text="Whoever has no account yet gets one, with a link that you hand over.")
    name = forms.CharField(required=False, max_length=120, help_text="For a new account; optional.")


class AdmissionForm(forms.Form):
    """Somebody rates who knows the golden set."""

    email = forms.EmailField(help_text="Of somebody who has an account and has seen the golden set.")
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        help_text="Printed with the rater’s code in every report, for everybody who reads it.",
    )


class ReasonForm(forms.Form):
    """Why something is done that stays in the record."""

    reason = forms.CharField(max_length=200, help_text="It stays in the study’s record.")


class DealForm(forms.Form):
    """How many of the images that were added become golden."""

    mix = forms.ChoiceField(
        choices=[("own", "the study’s own mix"), ("none", "none: training images only")],
        widget=forms.RadioSelect,
        initial="own",
        label="Golden images among them",
    )

    @property
    def share(self) -> float | None:
        """What `changes.deal_added` takes; of a valid form."""
        cleaned: dict[str, Any] = self.cleaned_data
        return 0.0 if cleaned["mix"] == "none" else None
