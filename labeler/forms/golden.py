"""Golden images are chosen by these forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from labeler.forms.importing import TableField
from labeler.models import Study


class DrawForm(forms.Form):
    size = forms.IntegerField(
        min_value=0,
        label="How many images",
        help_text="Everybody grades all of them. 50 to 100 are usual; 0 is no draw.",
    )
    column = forms.ChoiceField(
        required=False,
        label="In proportion to",
        help_text="The columns of the images’ tables. Each value gives its share, so none is left out by chance.",
    )

    def __init__(self, *args: Any, study: Study, columns: Sequence[str], **options: Any) -> None:
        planned = {"size": study.golden_draw_size, "column": study.golden_draw_column}
        super().__init__(*args, **options | {"initial": planned})
        field = self.fields["column"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "nothing: all images alike"), *((column, column) for column in columns)]


class GoldenTableForm(forms.Form):
    table = TableField(
        label="Table of golden images (CSV)",
        help_text="Columns: file; golden (yes or no; without this column every file is golden).",
    )


class ImagesField(forms.TypedMultipleChoiceField):
    """Ids of images, whatever they are; the action asks whether they are the study's."""

    def __init__(self) -> None:
        super().__init__(coerce=int, required=False)

    def valid_value(self, value: Any) -> bool:
        text = str(value)
        return text.isascii() and text.isdigit() and len(text) < 19


class ChoiceForm(forms.Form):
    """A page of pictures with ticks: which were golden when it was shown, and which are ticked now."""

    was = ImagesField()
    ticked = ImagesField()

    def chosen(self) -> set[int]:
        return set(self.cleaned_data["ticked"]) - set(self.cleaned_data["was"])

    def unchosen(self) -> set[int]:
        return set(self.cleaned_data["was"]) - set(self.cleaned_data["ticked"])
