"""`manage.py rater_statistics STUDY`"""

from __future__ import annotations

import csv
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from grading.consensus import panel_figures
from grading.models import Scope
from grading.rater_table import RaterRow, rater_rows
from labeler.management.study_argument import add_study_argument, find_study

COLUMNS = (
    "rater", "in_panel", "why", "answered", "assigned", "graded", "rmse", "rmse_leave_one_out", "bias",
    "pearson_to_others", "available_images", "available_rmse", "available_rmse_leave_one_out",
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Prints how well every rater agrees with the panel: root mean square error to the mean of the panel (as "
        "published) and to the mean of the others (leave-one-out), bias and correlation on the images that the whole "
        "panel graded, and the same errors on all images that can be compared. Raters appear by their codes only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_study_argument(parser)
        parser.add_argument(
            "--scope",
            choices=Scope.values,
            help="golden: the golden set; all: all images that the panel graded. Default: golden where there is a "
            "golden set, else all",
        )
        parser.add_argument("--csv", action="store_true", help="comma-separated values, at full precision")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        figures = panel_figures(study, Scope(options["scope"]) if options["scope"] else None)
        rows = rater_rows(figures)
        if options["csv"]:
            table = csv.writer(self.stdout)
            table.writerow(COLUMNS)
            table.writerows(_cells(row) for row in rows)
            return
        agreement = figures.agreement
        self.stdout.write(
            f"{study.name}, {figures.scope.label}: {agreement.n_images} of {agreement.n_total} images, "
            f"{len(figures.panel)} of {len(rows)} raters. {agreement.reason}"
        )
        self.stdout.write(f"{'rater':6} {'RMSE':>7} {'LOO':>7} {'bias':>7} {'r':>7} {'images':>7}  panel")
        for row in rows:
            self.stdout.write(_line(row))


def _cells(row: RaterRow) -> list[object]:
    seat, one = row.seat, row.agreement
    known: list[object] = [
        seat.code,
        "yes" if seat.counts else "no",
        seat.why,
        row.progress.answered,
        row.progress.total,
    ]
    if one is None:
        return [*known, *[""] * (len(COLUMNS) - len(known))]
    figures = [one.graded, one.rmse, one.rmse_to_others, one.bias, one.pearson_to_others]
    beside = [one.available.n, one.available.rmse, one.available.rmse_to_others]
    return [*known, *("" if value is None else value for value in [*figures, *beside])]


def _line(row: RaterRow) -> str:
    one = row.agreement
    figures = [one.rmse, one.rmse_to_others, one.bias, one.pearson_to_others] if one else [None] * 4
    shown = " ".join(f"{'–' if value is None else f'{value:.3f}':>7}" for value in figures)
    return f"{row.seat.code:6} {shown} {one.available.n if one else 0:>7}  {row.seat.why}"
