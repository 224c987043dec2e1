"""What a lead fills in about runs and panels."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from grading.groups import group_columns
from grading.runs import BEST, RunConfig
from labeler.models import Study
from mlcore.records import BACKBONES

_DESCRIPTIONS: Final = {
    BEST: "best: all that are installed, each weighed by what it adds",
    "texture": "texture: colour, spots and texture; needs no download",
}


class StartForm(forms.Form):
    backbone = forms.ChoiceField(
        choices=[
            (name, _DESCRIPTIONS.get(name, f"{name}: a network trained on ImageNet")) for name in (BEST, *BACKBONES)
        ],
        initial=BEST,
        help_text="What turns a patch of skin into numbers. Networks need their weights, see the operations guide.",
    )
    group_column = forms.ChoiceField(
        label="Keep together by",
        required=False,
        help_text="A person and near-duplicates never straddle a split; a column of the import can add to that.",
    )
    networks = forms.BooleanField(
        label="Train the published network too",
        required=False,
        help_text="Takes many times as long, rolls every patch as published, and seldom makes the model better.",
    )
    seed = forms.IntegerField(
        initial=0, min_value=0, max_value=2**31 - 1, help_text="The same grades and the same seed give the same model."
    )

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [("", "person and near-duplicates only")] + [(name, name) for name in group_columns(study)]
        field = self.fields["group_column"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = columns

    def config(self) -> RunConfig:
        given = self.cleaned_data
        return RunConfig(
            backbone=given["backbone"],
            seed=given["seed"],
            group_column=given["group_column"],
            networks=given["networks"],
        )


class PromoteForm(forms.Form):
    reason = forms.CharField(
        label="Why use it although it did not pass?",
        # Only a run that did not pass needs one, which `grading.runs.promote` knows.
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SeatForm(forms.Form):
    """The lead's word on whether a rater counts."""

    RULE, IN, OUT = "rule", "in", "out"
    decision = forms.ChoiceField(choices=[(RULE, "as the rule says"), (IN, "counts"), (OUT, "does not count")])
    reason = forms.CharField(required=False, max_length=300)

    def counts(self) -> bool | None:
        return {self.RULE: None, self.IN: True, self.OUT: False}[self.cleaned_data["decision"]]
