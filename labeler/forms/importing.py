"""Images and grades come in by these forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# Some 100,000 rows; a table takes many times its size while it is checked.
MAX_TABLE_BYTES = 10 * 1024 * 1024
_MAX_PREFIX = 500
_COLUMNS = "golden (yes or no); person; any others are kept with the image"


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


def _facts_table() -> TableField:
    return TableField(
        required=False,
        label="Table (CSV, optional)",
        help_text=f"Columns: file; {_COLUMNS}. It is checked whole before anything is imported.",
    )


class FilesForm(forms.Form):
    """Pictures and their table. `waiting` files were sent before, by the page's script or with a faulty table."""

    images = ManyFilesField(
        required=False,
        label="Image files",
        widget=ManyFilesInput(attrs={"accept": "image/*,.heic,.heif"}),
        help_text="JPEG, HEIC, PNG, WebP, TIFF, BMP or GIF. Choose as many as you like.",
    )
    folder = ManyFilesField(
        required=False,
        label="or a whole folder",
        widget=ManyFilesInput(attrs={"webkitdirectory": True}),
    )
    zips = ManyFilesField(
        required=False,
        label="or zip archives",
        widget=ManyFilesInput(attrs={"accept": ".zip,application/zip"}),
        help_text="Folders in an archive become part of the names: north/image_1.jpg.",
    )
    table = _facts_table()

    def __init__(self, *args: Any, waiting: int = 0, **options: Any) -> None:
        super().__init__(*args, **{"auto_id": "id_files_%s"} | options)
        self.waiting = waiting

    @property
    def files_sent(self) -> list[Any]:
        return [file for name in ("images", "folder", "zips") for file in self.cleaned_data[name]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.waiting and not any(cleaned.get(name) for name in ("images", "folder", "zips")):
            raise ValidationError("Choose image files, a folder, or zip archives.")
        return cleaned


class AddressesForm(forms.Form):
    """A table of web addresses."""

    manifest = TableField(
        label="Table of addresses (CSV)",
        help_text=f"Columns: url (https only); file, the name to give it (else the address’s last part); {_COLUMNS}.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"auto_id": "id_addresses_%s"} | options)


class StoreForm(forms.Form):
    """One of the stores that this site's operator configured."""

    source = forms.ChoiceField(label="Store")
    beginning = forms.CharField(
        required=False,
        max_length=_MAX_PREFIX,
        label="Names beginning with (optional)",
        help_text="As a folder: north/2026/. Empty for everything in the store.",
    )
    table = _facts_table()

    def __init__(self, *args: Any, names: Iterable[str] = (), **options: Any) -> None:
        super().__init__(*args, **{"auto_id": "id_store_%s"} | options)
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, name) for name in names]


class GradesForm(forms.Form):
    table = TableField(label="Table of grades (CSV)", help_text="Columns: image, rater, grade.")
