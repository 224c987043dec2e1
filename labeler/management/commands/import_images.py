"""`manage.py import_images STUDY …`: pictures come into a study, from wherever they are."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from jobs.running import run_claimed
from labeler import import_jobs
from labeler.csv_table import BadTable
from labeler.import_lots import NoSuchPlace, Where, take
from labeler.management.study_argument import (
    ProgressLine,
    add_study_argument,
    ended,
    existing_file,
    find_study,
    refusals,
)
from labeler.sources.cloud import CloudFailed, places


class Command(BaseCommand):
    help = (
        "Import pictures from a folder, from zip archives, by a table that says where each is, or from a configured "
        "store in a cloud. Originals are kept byte for byte and shown to nobody; raters get an upright copy without "
        "metadata. A file whose content is there already becomes a second name of that image; a broken file is named "
        "with what to do about it, and the rest goes on; importing again adds nothing and goes on where an import "
        "stopped. It needs no worker. Exit status 1 only when nothing could be imported at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("folder", nargs="?", help="where the pictures are: all files below it, by name")
        parser.add_argument("--zip", metavar="FILE", nargs="+", help="one or several zip archives of pictures")
        parser.add_argument(
            "--manifest",
            metavar="FILE",
            help=(
                "a table in UTF-8 that says where each picture is, in a column url (https only) or path (below "
                "--root); further columns as for --csv"
            ),
        )
        parser.add_argument("--root", metavar="FOLDER", help="where the manifest's paths begin (default: beside it)")
        parser.add_argument("--source", metavar="NAME", help="a store that GOLDFOLD_SOURCES configures")
        parser.add_argument("--prefix", default="", help="how the keys of the store's pictures begin (default: all)")
        parser.add_argument(
            "--csv",
            metavar="FILE",
            help=(
                "a table in UTF-8 with the columns file (or image: the name below FOLDER, in the zip, or of the "
                "store), golden (yes or no), person, and any others, which are kept as the file's metadata; it is "
                "checked whole before anything is written"
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        where = _where(options)
        _check(where)
        with refusals():
            job = import_jobs.begin_images(study, where, actor=audit.SYSTEM)
        work = import_jobs.telling(import_jobs.images_work, ProgressLine(self.stdout))
        run_claimed(job, work, import_jobs.failed)
        self._tell(ended(job).result)

    def _tell(self, result: dict[str, Any]) -> None:
        for same in result["same_content"]:
            self.stdout.write(f"same content: {same['name']} is a second name of {same['first_name']}")
        for note in result["notes"]:
            self.stdout.write(f"note: {note['name']}: {note['reason']}")
        for refused in result["refused"]:
            self.stderr.write(f"refused: {refused['name']}: {refused['reason']} {refused['remedy']}".rstrip())
        if not result["added"] and not result["same_content"] and not result["golden"]:
            self.stdout.write("Nothing was added.")


def _where(options: dict[str, Any]) -> Where:
    """Raises CommandError unless exactly one place is named."""
    named = [way for way in ("folder", "zip", "manifest", "source") if options[way]]
    if len(named) != 1:
        raise CommandError("Name one place: a FOLDER, --zip, --manifest or --source.")
    if (options["root"] and not options["manifest"]) or (options["prefix"] and not options["source"]):
        raise CommandError("--root belongs to --manifest, and --prefix to --source.")
    if options["csv"] and options["manifest"]:
        raise CommandError("A manifest is a table itself: it holds the columns of --csv too.")
    return Where(
        folder=_path(options["folder"]) if options["folder"] else "",
        zips=tuple(_path(existing_file(path)) for path in options["zip"] or ()),
        manifest=_path(existing_file(options["manifest"])) if options["manifest"] else "",
        root=_path(options["root"]) if options["root"] else "",
        source=options["source"] or "",
        prefix=options["prefix"],
        table=_path(existing_file(options["csv"])) if options["csv"] else "",
    )


def _path(path: str | Path) -> str:
    return str(Path(path).resolve())


def _check(where: Where) -> None:
    """Say what is wrong before a job is written down for it. A store is opened by the job alone."""
    try:
        if where.source:
            if where.source not in places():
                raise NoSuchPlace(where.source)
            return
        if not list(take(where).sources):
            raise CommandError(f"There is no file in {where.folder or ', '.join(where.zips) or where.manifest}.")
    except (NotADirectoryError, BadTable, NoSuchPlace, CloudFailed) as error:
        raise CommandError(str(error)) from error
