"""The forms of the lead's pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from labeler.scales import SCALES
from labeler.studies import LevelSpec

# Some 100,000 rows; a table takes many times its size while it is checked.
MAX_TABLE_BYTES = 10 * 1024 * 1024
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


class RaterForm(forms.Form):
    email = forms.EmailField(help_text="Whoever has no account yet gets one, with a link that you hand over.")
    name = forms.CharField(required=False, max_length=120, help_text="For a new account; optional.")


class TableField(forms.FileField):
    """A CSV file of bearable size."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}), **options)

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file and file.size > MAX_TABLE_BYTES:
            raise ValidationError(f"The table is larger than {MAX_TABLE_BYTES // 1024**2} MB.")
        return file


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Any number of files; `clean` gives a list. An empty one is not the form's business: the import names it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty_file=True, **options)

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(ManyFilesField, self).clean(file, initial) for file in data or []]


class ImagesForm(forms.Form):
    """Pictures and their table. `waiting` files were sent before, by the page's script or with a faulty table."""

    images = ManyFilesField(
        required=False,
        label="Image files",
        widget=ManyFilesInput(attrs={"accept": "image/*"}),
        help_text="JPEG, PNG, WebP, TIFF, BMP or GIF. Choose as many as you like.",
    )
    folder = ManyFilesField(
        required=False,
        label="or a whole folder",
        widget=ManyFilesInput(attrs={"webkitdirectory": True}),
    )
    table = TableField(
        required=False,
        label="Table (CSV, optional)",
        help_text=(
            "Columns: file; golden (yes or no); person; any others are kept with the image. "
            "It is checked whole before anything is imported."
        ),
    )

    def __init__(self, *args: Any, waiting: int = 0, **options: Any) -> None:
        super().__init__(*args, **options)
        self.waiting = waiting

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.waiting and not cleaned.get("images") and not cleaned.get("folder"):
            raise ValidationError("Choose image files, or a folder.")
        return cleaned


class GradesForm(forms.Form):
    table = TableField(label="Table of grades (CSV)", help_text="Columns: image, rater, grade.")
