"""The catalogue in `locale/` holds every sentence of a rater's pages, and grows by a language in one command."""

from __future__ import annotations

import gettext
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from config import catalogue

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in catalogue.PROGRAMS), reason="GNU gettext is not on this machine"
)

PAGE = """{% load i18n %}<h1>{% translate "Good morning" %}</h1>
{% blocktranslate trimmed with name=user.name %}How are you,
  {{ name }}?{% endblocktranslate %}"""
CODE = 'from django.utils.translation import gettext_lazy as _\n\nLEFT = _("{count} left")\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with a page, a module, and the English catalogue of neither."""
    for path, text in (("templates/page.html", PAGE), ("labeler/words.py", CODE)):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text)
    english = tmp_path / "locale" / "en" / "LC_MESSAGES"
    english.mkdir(parents=True)
    head = (settings.BASE_DIR / "locale/en/LC_MESSAGES/django.po").read_text().partition("\n\n")[0]
    (english / "django.po").write_text(head + "\n")
    return tmp_path


def sentences(template: str) -> list[str]:
    return [line for line in template.splitlines() if line.startswith(("msgid", "msgctxt")) and line != 'msgid ""']


def test_the_catalogue_is_complete_and_holds_nothing_that_is_gone() -> None:
    """If this fails: `python manage.py catalogue`."""
    kept = (settings.BASE_DIR / "locale/en/LC_MESSAGES/django.po").read_text()
    assert sorted(sentences(kept)) == sorted(sentences(catalogue.sentences(settings.BASE_DIR)))


def test_sentences_of_pages_and_code_are_found(project: Path) -> None:
    catalogue.refresh(project)
    kept = (project / "locale/en/LC_MESSAGES/django.po").read_text()
    assert set(sentences(kept)) == {'msgid "Good morning"', 'msgid "How are you, %(name)s?"', 'msgid "{count} left"'}
    assert "#: templates/page.html\n" in kept
    assert not (project / "locale/en/LC_MESSAGES/django.mo").exists()


def test_another_language_is_begun_translated_and_compiled(project: Path) -> None:
    german = catalogue.begin(project, "de")
    german.write_text(german.read_text().replace('"Good morning"\nmsgstr ""', '"Good morning"\nmsgstr "Guten Morgen"'))
    (project / "templates/page.html").write_text(PAGE + '{% translate "Bye" %}')
    catalogue.refresh(project)
    assert 'msgid "Bye"\nmsgstr ""' in german.read_text()
    with german.with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Good morning") == "Guten Morgen"
    with pytest.raises(FileExistsError):
        catalogue.begin(project, "de")


def test_a_translation_that_loses_a_gap_is_not_compiled(project: Path) -> None:
    german = catalogue.begin(project, "de")
    german.write_text(german.read_text().replace('"{count} left"\nmsgstr ""', '"{count} left"\nmsgstr "viele übrig"'))
    with pytest.raises(subprocess.CalledProcessError) as raised:
        catalogue.refresh(project)
    assert "count" in raised.value.stderr
