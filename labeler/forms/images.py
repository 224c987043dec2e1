"""What a lead says of pictures: thresholds, and their own word on single ones and on clusters."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from labeler.thresholds import Thresholds

_PERCENT = ("most_bright", "least_face")


class IdsField(forms.Field):
    """Ids that came as repeated values, such as from checkboxes; `clean` gives a list of numbers."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[int]:
        texts = value or []
        if not texts and self.required:
            raise ValidationError("Choose at least one.")
        if not all(text.isascii() and text.isdecimal() and len(text) < 19 for text in texts):
            raise ValidationError("Choose among those shown.")
        return sorted({int(text) for text in texts})


class OverruleForm(forms.Form):
    """Pictures to keep nevertheless, or to reject by hand."""

    images = IdsField()
    verdict = forms.ChoiceField(choices=[("keep", "Keep"), ("reject", "Reject")])
    reason = forms.CharField(max_length=200)


class ThresholdsForm(forms.Form):
    """A study's thresholds; an empty field switches its rule off."""

    least_side = forms.IntegerField(
        required=False,
        min_value=64,
        max_value=10_000,
        label="Shorter side, at least (pixels)",
        help_text="Lesions of a few millimetres need some pixels.",
    )
    least_brightness = forms.FloatField(
        required=False,
        min_value=0,
        max_value=255,
        label="Mean brightness, at least (0 to 255)",
        help_text="Under-exposed pictures have less. Dark skin in good light has far more than the usual 35.",
    )
    most_bright = forms.FloatField(
        required=False,
        min_value=0,
        max_value=100,
        label="Nearly white, at most (% of the picture)",
        help_text="Over-exposed pictures have more. A white wall behind the head counts too.",
    )
    least_sharpness = forms.FloatField(
        required=False,
        min_value=0,
        max_value=10_000,
        label="Sharpness, at least",
        help_text="Variance of the Laplacian at 640 pixels: 1 to 3 where clearly blurred, 20 to 500 where sharp.",
    )
    least_face = forms.FloatField(
        required=False,
        min_value=0,
        max_value=100,
        label="Face, at least (% of the picture’s height)",
        help_text="Of the largest face found; a picture where none was found passes.",
    )
    needs_face = forms.BooleanField(
        required=False,
        label="Reject where no face is found",
        help_text=(
            "Usually off: only faces seen from the front are found, and side views and close-ups hold many of the "
            "severe cases."
        ),
    )
    one_face = forms.BooleanField(
        required=False,
        label="Reject where several faces are found",
        help_text="Usually off: mirrors, posters and other people behind are found too. Look at them instead.",
    )

    @classmethod
    def of(cls, thresholds: Thresholds) -> ThresholdsForm:
        """A form that shows a study's thresholds."""
        shown = asdict(thresholds)
        for name in _PERCENT:
            shown[name] = None if shown[name] is None else round(100 * shown[name], 6)
        whole = {name: int(value) for name, value in shown.items() if isinstance(value, float) and value.is_integer()}
        return cls(initial=shown | whole)

    def thresholds(self) -> Thresholds:
        """What a valid form asks."""
        asked = dict(self.cleaned_data)
        for name in _PERCENT:
            asked[name] = None if asked[name] is None else asked[name] / 100
        return Thresholds(**asked)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=200)


class ClusterForm(ReasonForm):
    """Pictures to part from their cluster, or pictures and clusters that belong together."""

    do = forms.ChoiceField(choices=[("merge", "Join"), ("split", "Split off")])
    images = IdsField(required=False)
    clusters = IdsField(required=False)
