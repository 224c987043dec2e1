"""The catalogue of sentences in `locale/`: found in pages and code, merged into every language, compiled.

GNU gettext does the work; docs/translating.md tells how a language is added.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.utils.translation.template import templatize

SOURCE: Final = "en"
PROGRAMS: Final = ("xgettext", "msginit", "msgmerge", "msgattrib", "msgfmt")
_CODE: Final = ("accounts", "config", "grading", "jobs", "labeler", "scoring")
_NOT_CODE: Final = {"tests", "migrations"}
_KEYWORDS: Final = (
    "_",
    "gettext_noop",
    "gettext_lazy",
    "ngettext_lazy:1,2",
    "pgettext:1c,2",
    "npgettext:1c,2,3",
    "pgettext_lazy:1c,2",
)
_DATE: Final = re.compile(r'^"POT-Creation-Date: .*\n', re.MULTILINE)


class NoGettext(Exception):
    """GNU gettext is not installed."""


def check_gettext() -> None:
    """Raises NoGettext."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise NoGettext(f"GNU gettext is needed (package gettext); not found: {', '.join(missing)}")


def sentences(root: Path) -> str:
    """A template of a catalogue (.pot): everything marked in the project at `root`. Raises NoGettext."""
    check_gettext()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [str(path) for path in _sources(root, folder)]
        found = _run(
            *("xgettext", "--language=Python", "--from-code=UTF-8", "--add-location=file", "--no-wrap", "--output=-"),
            *("--add-comments=Translators", "--sort-by-file", f"--directory={folder}", "--files-from=-"),
            *(f"--keyword={one}" for one in _KEYWORDS),
            given="\n".join(files),
        )
    # A template was read as the Python that stands for it; and a date in it would change each time.
    return _DATE.sub("", re.sub(r"\.(html|txt)\.py\b", r".\1", found)).replace("charset=CHARSET", "charset=UTF-8")


def refresh(root: Path) -> list[Path]:
    """Merge what is in the project's pages and code into the catalogue of every language, and compile those.

    Returns the catalogues. Raises NoGettext; subprocess.CalledProcessError where a translation lacks a gap.
    """
    template = sentences(root)
    catalogues = sorted((root / "locale").glob("*/LC_MESSAGES/django.po"))
    with tempfile.TemporaryDirectory() as name:
        pot = Path(name) / "django.pot"
        pot.write_text(template, encoding="utf-8")
        for catalogue in catalogues:
            merged = _run("msgmerge", "--quiet", "--no-wrap", "--previous", str(catalogue), str(pot))
            kept = _run("msgattrib", "--no-obsolete", "--no-wrap", "-", given=merged)
            catalogue.write_text(_DATE.sub("", kept), encoding="utf-8")
            compile_catalogue(catalogue)
    return catalogues


def begin(root: Path, locale: str) -> Path:
    """An empty catalogue for a language, as `de` or `pt_BR`. Raises NoGettext, FileExistsError."""
    catalogue = root / "locale" / locale / "LC_MESSAGES" / "django.po"
    if catalogue.exists():
        raise FileExistsError(f"{catalogue} is there already")
    begun = _run(
        *("msginit", "--no-translator", "--no-wrap", f"--locale={locale}.UTF-8", "--input=-", "--output-file=-"),
        given=sentences(root),
    )
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(begun, encoding="utf-8")
    return catalogue


def compile_catalogue(catalogue: Path) -> None:
    """Write the .mo that the site reads. The English one translates nothing, so it has none."""
    if catalogue.parts[-3] != SOURCE:
        _run("msgfmt", "--check", f"--output-file={catalogue.with_suffix('.mo')}", str(catalogue))


def _sources(root: Path, folder: Path) -> Iterator[Path]:
    """Each file that may hold sentences, laid below `folder` as Python; yields its path there."""
    for package in _CODE:
        for path in sorted((root / package).rglob("*.py")):
            if not _NOT_CODE.intersection(path.relative_to(root).parts):
                yield _lay(folder, path.relative_to(root), path.read_text(encoding="utf-8"))
    for path in sorted((root / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            there = path.relative_to(root)
            text = templatize(path.read_text(encoding="utf-8"), origin=str(there))
            yield _lay(folder, there.with_name(f"{there.name}.py"), text)


def _lay(folder: Path, there: Path, text: str) -> Path:
    (folder / there).parent.mkdir(parents=True, exist_ok=True)
    (folder / there).write_text(text, encoding="utf-8")
    return there


def _run(*command: str, given: str | None = None) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return done.stdout
