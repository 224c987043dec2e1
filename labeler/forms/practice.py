"""What raters practise on is put together by these forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from labeler.forms.settings import MAX_EXAMPLE_BYTES
from labeler.models import PracticeItem, Study
from labeler.practice import MAX_REMARK


class PracticeItemForm(forms.Form):
    """The level that a practice picture should get, and what raters are told of it."""

    level = forms.TypedChoiceField(label="Grade that it should get", coerce=float)
    remark = forms.CharField(
        required=False,
        max_length=MAX_REMARK,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Raters read it once they have answered: what to look at, why not the level beside it.",
    )

    def __init__(self, *args: Any, study: Study, item: PracticeItem | None = None, **options: Any) -> None:
        if item is not None:
            shown = {"level": repr(item.level.value), "remark": item.remark}
            options |= {"initial": shown, "auto_id": f"id_{item.pk}_%s"}
        super().__init__(*args, **options)
        field = self.fields["level"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(repr(level.value), str(level)) for level in study.levels.all()]

    def refuse(self, error: ValidationError) -> None:
        """Put what the action refused beside its field."""
        self.add_error(None, error)


class NewPracticeForm(PracticeItemForm):
    picture = forms.FileField(
        widget=forms.FileInput(attrs={"accept": "image/*,.heic,.heif"}),
        help_text="Not one of the study’s own images: whoever practised on it would know its grade.",
    )
    field_order = ("picture", "level", "remark")

    def clean_picture(self) -> Any:
        file = self.cleaned_data["picture"]
        if file.size > MAX_EXAMPLE_BYTES:
            raise ValidationError(f"The picture is larger than {MAX_EXAMPLE_BYTES // 1024**2} MB.")
        return file
