"""Tables that say where pictures are: at https addresses, or at paths below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts import audit, fetching
from accounts.tests.picture_host import PictureHost, leads_to, serving
from labeler.csv_table import BadTable
from labeler.import_lots import NoSuchPlace, Where, take
from labeler.import_report import ImportReport
from labeler.import_table import Facts
from labeler.importing_many import import_images
from labeler.models import Image, ImageName, Study
from labeler.sources import RefusedSource, Unreadable, checked_name
from labeler.sources.manifest import Manifest, UrlSource, read_manifest
from labeler.sources.marks import Marks
from labeler.tests.drawn import jpeg


@pytest.fixture(scope="module")
def _host() -> Iterator[PictureHost]:
    with serving() as host:
        yield host


@pytest.fixture
def host(_host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> PictureHost:
    """A host of pictures, which is on the public internet for this test."""
    _host.pages.clear()
    _host.asked.clear()

    def fetch(url: str, *, most_bytes: int) -> bytes:
        return fetching.fetch(url, most_bytes=most_bytes, network=_host.network())

    monkeypatch.setattr("labeler.sources.manifest.fetch", fetch)
    return _host


def _import(study: Study, manifest: Manifest) -> ImportReport:
    return import_images(
        study, manifest.sources, manifest.facts, actor=audit.SYSTEM, report=lambda done, total, message: None
    )


def _refused(manifest: Manifest) -> dict[str, str]:
    found = [source for source in manifest.sources if isinstance(source, RefusedSource)]
    assert all(source.remedy for source in found)
    return {source.name: source.reason for source in found}


def test_a_table_of_addresses_names_its_pictures(tmp_path: Path) -> None:
    table = (
        b"url;file;golden;person;clinic\n"
        b"https://a.example.org/x/IMG%201.jpg?size=2;;yes;75.0;north\n"
        b"https://a.example.org/2;second.jpg;;;\n"
    )
    manifest = read_manifest("t.csv", table, None)
    assert [source.name for source in manifest.sources] == ["IMG 1.jpg", "second.jpg"]
    assert manifest.facts["IMG 1.jpg"] == Facts(True, "75", {"clinic": "north"})
    assert isinstance(manifest.sources[1], UrlSource) and manifest.sources[1].url == "https://a.example.org/2"


def test_rows_that_can_not_be_used_are_rows_of_the_report(tmp_path: Path) -> None:
    table = (
        "url,path,file,golden\n"
        "https://a.example.org/1.jpg,,,\n"
        "https://b.example.org/1.jpg,,,\n"
        "https://a.example.org/,,,\n"
        ",,nowhere.jpg,\n"
        "https://a.example.org/2.jpg,3.jpg,both.jpg,\n"
        "https://a.example.org/4.jpg,,,perhaps\n"
        "https://[broken/5.jpg,,,\n"
    )
    manifest = read_manifest("t.csv", table.encode(), tmp_path)
    assert len(manifest.sources) == 7 and set(manifest.facts) == {"1.jpg"}
    reasons = _refused(manifest)
    assert "in row 2 already" in reasons["1.jpg"]
    assert "ends in no name" in reasons["row 4"]
    assert "no one place" in reasons["nowhere.jpg"] and "no one place" in reasons["both.jpg"]
    assert "neither yes nor no" in reasons["4.jpg"]


@pytest.mark.parametrize(
    "table, problem",
    [
        (b"file,golden\na.jpg,yes\n", "column is missing"),
        (b"path\na.jpg\n", "column is missing"),
        (b"url,path\nhttps://a.example.org/a.jpg,\n", "addresses, not paths"),
        (b"", "empty"),
        ("url\nhttps://a.example.org/\xe9.jpg\n".encode("latin-1"), "not in UTF-8"),
        (b"url,url\nx,y\n", "there twice"),
    ],
)
def test_a_table_from_a_browser_names_addresses_only(table: bytes, problem: str) -> None:
    with pytest.raises(BadTable, match=problem):
        read_manifest("t.csv", table, None)


def test_paths_stay_below_their_root(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    (root / "north").mkdir(parents=True)
    (root / "north" / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "secret.jpg").write_bytes(jpeg(2))
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    paths = ["north/a.jpg", "../secret.jpg", "link.jpg", "north/../../secret.jpg", str(tmp_path / "secret.jpg")]
    os.mkfifo(root / "pipe.jpg")
    table = "path\n" + "\n".join([*paths, "missing.jpg", "loop.jpg", "north", "pipe.jpg"]) + "\n"
    sources = read_manifest("t.csv", table.encode(), root).sources
    assert sources[0].read() == jpeg(1)
    for source in sources[1:5]:
        with pytest.raises(Unreadable, match="out of the folder"):
            source.read()
    for source in sources[5:]:
        with pytest.raises(Unreadable, match="can't be read"):
            source.read()


@pytest.mark.django_db
def test_pictures_come_from_addresses_and_each_refusal_has_its_row(study: Study, host: PictureHost) -> None:
    host.pages |= {
        "/1.jpg": jpeg(1),
        "/page.jpg": b"<html>sign in first</html>",
        "/inside.jpg": leads_to("https://169.254.169.254/latest/meta-data/"),
        "/plain.jpg": leads_to("http://pictures.example.org/1.jpg"),
        "/empty.jpg": b"",
    }
    rows = [host.url(path) for path in ("/1.jpg", "/page.jpg", "/inside.jpg", "/plain.jpg", "/empty.jpg", "/gone.jpg")]
    rows += ["https://127.0.0.1/a.jpg", "http://pictures.example.org/b.jpg", "https://2130706433/c.jpg"]
    report = _import(study, read_manifest("t.csv", "\n".join(["url", *rows]).encode(), None))
    assert report.added == 1 and ImageName.objects.get().name == "1.jpg"
    reasons = {row.name: row.reason for row in report.refused}
    assert set(reasons) == {f"{name}.jpg" for name in ("page", "inside", "plain", "empty", "gone", "a", "b", "c")}
    assert all(row.remedy for row in report.refused)
    assert "no host on the internet" in reasons["inside.jpg"] and "https" in reasons["plain.jpg"]
    assert "status 404" in reasons["gone.jpg"] and "not a JPEG" in reasons["page.jpg"]


@pytest.mark.django_db
def test_what_came_from_an_address_is_not_fetched_again(study: Study, host: PictureHost) -> None:
    host.pages |= {"/1.jpg": jpeg(1), "/2.jpg": jpeg(2)}
    table = f"url,person\n{host.url('/1.jpg')},\n{host.url('/2.jpg')},\n"
    manifest = read_manifest("t.csv", table.encode(), None)
    assert _import(study, manifest).added == 2
    again = _import(study, manifest)
    assert (again.added, again.unchanged, len(host.asked)) == (0, 2, 2)
    told_more = read_manifest("t.csv", table.replace("1.jpg,", "1.jpg,75").encode(), None)
    assert _import(study, told_more).unchanged == 2  # the person is new, so that one is looked at again
    assert Image.objects.get(person__external_id="75").names.get().name == "1.jpg"
    assert len(host.asked) == 3


@pytest.mark.django_db
def test_a_mark_tells_nothing_of_name_and_place(study: Study) -> None:
    marks = Marks(study.pk)
    marks.remember([("Anna.jpg", "https://clinic.example.org/Anna.jpg"), ("b.jpg", "")])
    again = Marks(study.pk)
    assert again.knows("Anna.jpg", "https://clinic.example.org/Anna.jpg")
    assert not again.knows("Anna.jpg", "https://clinic.example.org/other.jpg")
    assert not again.knows("b.jpg", "https://clinic.example.org/Anna.jpg") and not again.knows("b.jpg", "")
    assert not Marks(study.pk + 1).knows("Anna.jpg", "https://clinic.example.org/Anna.jpg")
    stored = again._path.read_text()
    assert "Anna" not in stored and len(stored.split()) == 1


@pytest.mark.parametrize("name", ["", "a\0.jpg", "a\n.jpg", "caf\udce9.jpg", "x" * 256])
def test_a_name_that_no_study_can_hold_is_refused(name: str) -> None:
    with pytest.raises(Unreadable) as caught:
        checked_name(name)
    assert caught.value.remedy


def test_a_place_that_is_not_configured_is_said() -> None:
    with pytest.raises(NoSuchPlace, match="no source called “nowhere”"):
        take(Where(source="nowhere"))


def test_where_pictures_are_survives_the_jobs_row() -> None:
    for where in (Where(zips=("/a.zip", "/b.zip"), table="/t.csv"), Where(source="clinic", prefix="north/")):
        assert Where.from_params(where.as_params()) == where
