"""Images and grades come in by these forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# Some 100,000 rows; a table takes many times its size while it is checked.
MAX_TABLE_BYTES = 10 * 1024 * 1024


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
