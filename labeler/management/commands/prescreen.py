"""`manage.py prescreen STUDY`: judge a study's pictures by its thresholds, after changing them where asked."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler.forms.images import ThresholdsForm
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.prescreening import Screened, preview, set_thresholds
from labeler.thresholds import TITLES, Thresholds

_SWITCH: Final = {"off": None, "on": True, "usual": None}


class Command(BaseCommand):
    help = (
        "Judge every picture of a study anew by the study's thresholds, from the figures measured at its import, and "
        "print how many fail which rule. What a lead decided by hand stays, and so does what was dealt to raters. "
        "Example: prescreen 'Pilot 2024' --set least_sharpness=6 --set most_bright=off"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        names = ", ".join(asdict(Thresholds()))
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help=f"change a threshold first; off switches its rule off, usual goes back to the default. Keys: {names}. "
            "Shares are given in per cent, and the two that ask for faces take on or off",
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell what it would reject")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        asked = _changed(Thresholds.from_stored(study.prescreen), options["set"])
        if options["dry_run"]:
            found = preview(study, asked)
        else:
            with refusals():
                found = set_thresholds(study, asked, actor=audit.SYSTEM)
        self.stdout.write(_told(found, options["dry_run"]))


def _changed(now: Thresholds, settings: list[str]) -> Thresholds:
    """The thresholds with `KEY=VALUE` applied, checked as the page checks them. Raises CommandError."""
    usual = dict(ThresholdsForm.of(Thresholds()).initial)
    values = dict(ThresholdsForm.of(now).initial)
    for setting in settings:
        key, _, text = setting.partition("=")
        if key not in values:
            raise CommandError(f"There is no threshold “{key}”. There are: {', '.join(values)}.")
        if isinstance(usual[key], bool) and text not in _SWITCH:
            raise CommandError(f"{key} is on, off or usual, not “{text}”.")
        values[key] = usual[key] if text == "usual" else _SWITCH.get(text, text)
    form = ThresholdsForm(values)
    if not form.is_valid():
        raise CommandError(" ".join(f"{key}: {' '.join(map(str, texts))}" for key, texts in form.errors.items()))
    return form.thresholds()


def _told(found: Screened, only_told: bool) -> str:
    would = "would be" if only_told else "are"
    lines = [f"{found.rejected} of {found.judged} pictures {would} rejected by the rules."]
    lines += [f"  {TITLES[code]}: {found.by_rule[code]}" for code in TITLES if found.by_rule.get(code)]
    return "\n".join(lines)
