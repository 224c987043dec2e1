"""A study and its scale are made by these forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from labeler.scales import SCALES
from labeler.studies import LevelSpec

OWN = "own"


class StudyForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Raters see this name.")
    scale = forms.ChoiceField(
        choices=[
            ("published", "Five levels, 1 Clear to 5 Severe (as published)"),
            ("0-3", "Four levels, 0 Mild to 3 Very severe"),
            (OWN, "My own levels, in the table below"),
        ],
        help_text="Raters choose one level for each image. It can’t be changed later.",
    )
    welcome = forms.BooleanField(
        required=False,
        initial=True,
        label="Welcome raters with the scale",
        help_text="Before their first image, raters read the scale, and practise if you give them something to.",
    )


class LevelForm(forms.Form):
    """One row of a scale of one's own; an empty row is no level."""

    value = forms.FloatField(required=False, min_value=-1000, max_value=1000)
    name = forms.CharField(required=False, max_length=60)
    description = forms.CharField(required=False, max_length=500)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("value") is None) != (not cleaned.get("name")) and not self.errors:
            raise ValidationError("A level needs both a value and a name.")
        return cleaned


LevelRows = forms.formset_factory(LevelForm, extra=7, max_num=30)


def chosen_levels(form: StudyForm, rows: forms.BaseFormSet[LevelForm]) -> Sequence[LevelSpec]:
    """The scale that two valid forms describe."""
    scale = form.cleaned_data["scale"]
    if scale != OWN:
        return SCALES[scale]
    filled = [row for row in rows.cleaned_data if row.get("name")]
    return [LevelSpec(row["value"], row["name"].strip(), row["description"].strip()) for row in filled]
