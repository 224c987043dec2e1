"""A study's settings and its scale are changed by these forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from labeler.models import Level, Study, StudyState
from labeler.scales import MAX_NAME, LevelChange
from labeler.studies import LevelSpec
from labeler.study_settings import MAX_NAME as MAX_STUDY_NAME
from labeler.study_settings import MAX_OVERLAP, MAX_REPEAT_SHARE, Settings

MAX_EXAMPLE_BYTES: Final = 20 * 1024 * 1024
MAX_LEVELS: Final = 30


class SettingsForm(forms.Form):
    name = forms.CharField(max_length=MAX_STUDY_NAME, help_text="Raters see this name.")
    overlap = forms.IntegerField(
        label="Raters for each training image",
        min_value=1,
        max_value=MAX_OVERLAP,
        help_text=(
            "As published, one: the folds share nothing. With more, a training grade rests on several raters, "
            "and every queue grows in proportion."
        ),
    )
    repeats = forms.FloatField(
        label="Shown again, in percent of a queue",
        min_value=0,
        max_value=100 * MAX_REPEAT_SHARE,
        help_text=(
            "Some images come back after at least 150 others, so that each rater’s agreement with themselves can be "
            "told. About 5 % is enough; each percent lengthens the queue by one."
        ),
    )

    grade_regions = forms.BooleanField(
        required=False,
        label="Grade forehead, cheeks and chin too",
        help_text="Beside the whole face’s grade, each image is then asked three more: about four keys instead of one.",
    )
    welcome = forms.BooleanField(
        required=False,
        label="Welcome raters with the scale",
        help_text="Before their first image, raters read the scale, and practise if you give them something to.",
    )

    def __init__(self, *args: Any, study: Study, **options: Any) -> None:
        shown = {
            "name": study.name,
            "overlap": study.overlap,
            "repeats": f"{100 * study.repeat_share:g}",
            "grade_regions": study.grade_regions,
            "welcome": study.welcome,
        }
        super().__init__(*args, **options | {"initial": shown})
        for field in ("overlap", "repeats", "grade_regions"):
            self.fields[field].disabled = study.state != StudyState.DRAFT

    def settings(self) -> Settings:
        data = self.cleaned_data
        return Settings(data["name"], data["overlap"], data["repeats"] / 100, data["grade_regions"], data["welcome"])

    def refuse(self, error: ValidationError) -> None:
        """Put what the action refused beside its field."""
        for field, texts in error.message_dict.items():
            self.add_error("repeats" if field == "repeat_share" else field, texts)


class LevelRow(forms.Form):
    """One level of the scale; a row that is empty or ticked for removal is none."""

    level = forms.IntegerField(required=False, widget=forms.HiddenInput)
    value = forms.FloatField(required=False, min_value=-1000, max_value=1000)
    key = forms.CharField(required=False, max_length=1)
    name = forms.CharField(required=False, max_length=MAX_NAME)
    description = forms.CharField(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    example = forms.FileField(
        required=False,
        label="Example picture",
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    drop_example = forms.BooleanField(required=False, label="Take the example picture away")
    remove = forms.BooleanField(required=False, label="Remove this level")

    def clean_example(self) -> Any:
        file = self.cleaned_data["example"]
        if file and file.size > MAX_EXAMPLE_BYTES:
            raise ValidationError(f"The picture is larger than {MAX_EXAMPLE_BYTES // 1024**2} MB.")
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and self.is_level() and (cleaned.get("value") is None or not cleaned.get("name")):
            raise ValidationError("A level needs both a value and a name.")
        return cleaned

    def is_level(self) -> bool:
        data = self.cleaned_data
        filled = data.get("value") is not None or any(data.get(field) for field in ("name", "description", "example"))
        return filled and not data.get("remove")

    def change(self) -> LevelChange:
        data = self.cleaned_data
        spec = LevelSpec(data["value"], data["name"].strip(), data["description"].strip(), data["key"].strip() or None)
        example = data["example"].read() if data["example"] else None
        return LevelChange(spec, data["level"], example, data["drop_example"])


_Rows = forms.formset_factory(LevelRow, extra=1, max_num=MAX_LEVELS, absolute_max=MAX_LEVELS, validate_max=True)


def _shown(level: Level) -> dict[str, object]:
    value = int(level.value) if level.value.is_integer() else level.value
    return {"value": value, "key": level.key, "name": level.name, "description": level.description}


class LevelRowsForm(_Rows):  # type: ignore[misc, valid-type]  # made by Django at run time
    """All levels of a study and one empty row."""

    def __init__(self, *args: Any, study: Study, **options: Any) -> None:
        self.levels: Mapping[int, Level] = {level.pk: level for level in study.levels.all()}
        initial = [{"level": pk, **_shown(level)} for pk, level in self.levels.items()]
        super().__init__(*args, initial=initial, prefix="levels", **options)

    def chosen(self) -> list[LevelRow]:
        """The rows that are levels."""
        return [row for row in self.forms if row.is_level()]

    def refuse(self, error: ValidationError) -> list[str]:
        """Put what the action refused beside its row; returns what concerns the scale as a whole."""
        rows, whole = self.chosen(), []
        for field, texts in error.message_dict.items():
            what, _, place = field.partition("-")
            if what == "example" and place.isdigit():
                rows[int(place)].add_error("example", texts)
            else:
                whole += texts
        return whole


class CopyForm(forms.Form):
    name = forms.CharField(max_length=MAX_STUDY_NAME, label="Name of the new study")
    images = forms.BooleanField(required=False, label="The images too, but for erased ones")
    raters = forms.BooleanField(required=False, label="The active raters too")
