"""`manage.py set_scale STUDY`: another scale for a study on which nobody has graded."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler.csv_table import BadTable
from labeler.management.study_argument import add_study_argument, existing_file, find_study, refusals
from labeler.models import Study
from labeler.scales import SCALES, LevelChange, parse_levels, read_levels, set_scale


class Command(BaseCommand):
    help = (
        "Give a study another scale, as long as it is being set up and nobody has graded on it. Examples of levels "
        "whose value and name stay are kept. "
        "Example: set_scale 'Pilot 2024' --level '0; None' --level '1; Some; a few papules' --level '2; Many'"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        scale = parser.add_mutually_exclusive_group(required=True)
        scale.add_argument("--scale", choices=sorted(SCALES), help="one of the scales that come with the program")
        scale.add_argument(
            "--level",
            action="append",
            metavar="'VALUE; NAME; DESCRIPTION'",
            help="one level; repeat it for every level; the description may be left out",
        )
        scale.add_argument(
            "--csv",
            metavar="FILE",
            help="a table with the columns value, name and, optional, description, key and example (the path of a "
            "picture, seen from the table)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            changed = set_scale(study, _changes(study, options), actor=audit.SYSTEM)
        levels = ", ".join(str(level) for level in study.levels.all())
        self.stdout.write(f"{'The scale is now' if changed else 'Nothing was changed. The scale is'}: {levels}.")


def _changes(study: Study, options: dict[str, Any]) -> list[LevelChange]:
    if options["csv"]:
        return _from_table(study, existing_file(options["csv"]))
    levels = parse_levels(options["level"]) if options["level"] else SCALES[options["scale"]]
    there = {(level.value, level.name): level.pk for level in study.levels.all()}
    return [LevelChange(level, there.get((level.value, level.name))) for level in levels]


def _from_table(study: Study, table: Path) -> list[LevelChange]:
    try:
        rows = read_levels(table.name, table.read_bytes())
    except BadTable as error:
        raise CommandError(str(error)) from error
    there = {(level.value, level.name): level.pk for level in study.levels.all()}
    pictures = [existing_file(str(table.parent / example)).read_bytes() if example else None for _, example in rows]
    return [
        LevelChange(level, there.get((level.value, level.name)), example=picture)
        for (level, _), picture in zip(rows, pictures, strict=True)
    ]
