"""Zip archives: their pictures come in, and whatever else somebody puts into one is a row that says why not."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accounts import audit
from labeler.import_lots import Where, take
from labeler.importing_many import import_images
from labeler.models import Image, ImageName, Study
from labeler.sources import Source, Unreadable, archive
from labeler.sources.archive import is_zip, open_zip
from labeler.tests.drawn import jpeg


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def refusals(sources: list[Source]) -> dict[str, str]:
    """Why each source that can't be read can't be, by name."""
    found = {}
    for source in sources:
        try:
            source.read()
        except Unreadable as error:
            assert error.remedy
            found[source.name] = error.reason
    return found


def patched(path: Path, old: bytes, new: bytes, times: int = -1) -> Path:
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, times))
    return path


def test_the_pictures_of_an_archive_come_by_their_paths(tmp_path: Path) -> None:
    members = {"b10.jpg": jpeg(1), "b9.jpg": jpeg(2), "north/a.jpg": jpeg(3), "./c.jpg": jpeg(4), "d\\e.jpg": jpeg(5)}
    hidden = {"__MACOSX/._b9.jpg": b"x", ".DS_Store": b"x", "north/Thumbs.db": b"x", "empty/": b""}
    found = open_zip(zipped(tmp_path / "a.zip", members | hidden), "a.zip")
    assert [source.name for source in found] == ["b9.jpg", "b10.jpg", "c.jpg", "d/e.jpg", "north/a.jpg"]
    assert [source.read() for source in found] == [jpeg(2), jpeg(1), jpeg(4), jpeg(5), jpeg(3)]


def test_stored_members_come_too_and_many_threads_read_at_once(tmp_path: Path) -> None:
    members = {f"{number}.jpg": jpeg(number) for number in range(40)}
    found = open_zip(zipped(tmp_path / "a.zip", members, zipfile.ZIP_STORED), "a.zip")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda source: source.read(), found)) == [jpeg(number) for number in range(40)]


@pytest.mark.parametrize(
    "name", ["../a.jpg", "x/../../a.jpg", "/etc/passwd", "\\\\server\\a.jpg", "C:\\a.jpg", "c:/a.jpg", "..\\a.jpg"]
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    found = open_zip(zipped(tmp_path / "a.zip", {name: jpeg(1), "good.jpg": jpeg(2)}), "a.zip")
    assert refusals(found) == {name: "Its path leads out of the archive."}
    assert len(found) == 2


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("passwd.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
    assert "link" in refusals(open_zip(tmp_path / "a.zip", "a.zip"))["passwd.jpg"]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": jpeg(1)}, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path) as packed:
        flags_at = packed.start_dir + 8
    data = bytearray(path.read_bytes())
    data[flags_at] |= 1
    data[6] |= 1
    path.write_bytes(data)
    assert refusals(open_zip(path, "a.zip")) == {"a.jpg": "It is encrypted."}


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": jpeg(1)}, zipfile.ZIP_LZMA)
    assert "unusual" in refusals(open_zip(path, "a.zip"))["a.jpg"]


def test_an_archive_in_the_archive_is_refused_by_its_name_and_by_its_bytes(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.jpg": jpeg(1)}).read_bytes()
    path = zipped(tmp_path / "a.zip", {"inner.zip": inner, "disguised.jpg": inner, "old.tar": b"x"})
    reasons = refusals(open_zip(path, "a.zip"))
    assert set(reasons) == {"inner.zip", "disguised.jpg", "old.tar"}
    assert set(reasons.values()) == {"It is an archive inside the archive."}


def test_a_member_that_unpacks_to_far_more_than_it_is_is_left_in_time(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"bomb.jpg": bytes(50_000_000), "good.jpg": jpeg(1)})
    assert path.stat().st_size < 100_000
    reasons = refusals(open_zip(path, "a.zip"))
    assert "zip bombs" in reasons.pop("bomb.jpg") and reasons == {}


def test_bytes_are_counted_whatever_the_archive_says_of_them(tmp_path: Path) -> None:
    """The directory claims ten bytes: the reader stops there, and what it has is not what the checksum is of."""
    path = zipped(tmp_path / "a.zip", {"liar.jpg": bytes(50_000_000)})
    with zipfile.ZipFile(path) as packed:
        size_at = packed.start_dir + 24
    data = bytearray(path.read_bytes())
    data[size_at : size_at + 4] = struct.pack("<L", 10)
    path.write_bytes(data)
    assert "damaged" in refusals(open_zip(path, "a.zip"))["liar.jpg"]


def test_what_an_archive_unpacks_to_in_all_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_BYTES", 1_000_000)
    monkeypatch.setattr(archive, "MOST_RATIO", 10_000)
    path = zipped(tmp_path / "a.zip", {f"{number}.bmp": bytes(200_000) for number in range(20)})
    reasons = refusals(open_zip(path, "a.zip"))
    assert 0 < len(reasons) < 20 and all("zip bomb" in reason for reason in reasons.values())


def test_a_file_larger_than_may_come_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 1000)
    assert "larger than" in refusals(open_zip(zipped(tmp_path / "a.zip", {"a.jpg": jpeg(1)}), "a.zip"))["a.jpg"]


def overlapping(copies: int) -> bytes:
    """An archive whose directory names one and the same member many times."""
    kernel = zlib.compress(bytes(5_000_000), 9)[2:-4]
    crc = zlib.crc32(bytes(5_000_000))
    common = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 0, crc, len(kernel), 5_000_000, 5, 0)
    out = io.BytesIO()
    out.write(b"PK\x03\x04" + common + b"0.jpg" + kernel)
    start = out.tell()
    for number in range(copies):
        out.write(
            b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + b"%d.jpg" % number
        )
    length = out.tell() - start
    out.write(b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, copies, copies, length, start, 0))
    return out.getvalue()


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(overlapping(9))
    sources = open_zip(tmp_path / "a.zip", "a.zip")
    assert sources and len(refusals(sources)) == len(sources)
    assert any("overlap" in reason or "damaged" in reason for reason in refusals(sources).values())


def test_an_archive_of_too_many_files_is_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {f"{number}.jpg": b"" for number in range(30)})
    assert not refusals(open_zip(path, "a.zip"))
    monkeypatch.setattr(zipfile, "ZipFile", None)  # not even opened
    monkeypatch.setattr(archive, "MOST_MEMBERS", 29)
    assert "more than" in refusals(open_zip(path, "a.zip"))["a.zip"]
    monkeypatch.setattr(archive, "MOST_MEMBERS", 100)
    monkeypatch.setattr(archive, "MOST_DIRECTORY_BYTES", 200)
    assert "more than" in refusals(open_zip(path, "a.zip"))["a.zip"]


def test_the_files_of_an_archive_of_the_larger_format_are_counted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)  # from here on, an archive ends as larger ones do
    path = zipped(tmp_path / "a.zip", {f"{number}.jpg": b"" for number in range(30)})
    assert b"PK\x06\x06" in path.read_bytes() and not refusals(open_zip(path, "a.zip"))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    monkeypatch.setattr(archive, "MOST_MEMBERS", 29)
    assert "more than" in refusals(open_zip(path, "a.zip"))["a.zip"]


@pytest.mark.parametrize("members", [{}, {"__MACOSX/a.jpg": b"x", ".DS_Store": b"x"}])
def test_an_archive_of_nothing_is_said(tmp_path: Path, members: dict[str, bytes]) -> None:
    assert "no files" in refusals(open_zip(zipped(tmp_path / "a.zip", members), "a.zip"))["a.zip"]


@pytest.mark.parametrize("comment", [b"", b"PK\x05\x06 a comment that looks like an end"])
def test_the_directorys_size_is_read_as_the_reader_reads_it(tmp_path: Path, comment: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a.jpg", jpeg(1))
        packed.comment = comment
    sources = open_zip(tmp_path / "a.zip", "a.zip")
    if comment:
        assert set(refusals(sources)) == {"a.zip"}
    else:
        assert [source.read() for source in sources] == [jpeg(1)]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18, b"no archive at all"])
def test_what_is_no_archive_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    sources = open_zip(tmp_path / "a.zip", "a.zip")
    assert [source.name for source in sources] == ["a.zip"] and "a.zip" in refusals(sources)


def test_a_damaged_member_is_refused_and_the_others_come(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"bad.jpg": jpeg(1), "good.jpg": jpeg(2)}, zipfile.ZIP_STORED)
    patched(path, jpeg(1)[300:340], b"x" * 40, 1)
    sources = open_zip(path, "a.zip")
    assert set(refusals(sources)) == {"bad.jpg"}
    assert {source.name: source for source in sources}["good.jpg"].read() == jpeg(2)


def test_two_members_of_one_name_are_not_both_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("a.jpg", jpeg(1))
        packed.writestr("a.jpg", jpeg(2))
    assert "another file of that name" in refusals(open_zip(tmp_path / "a.zip", "a.zip"))["a.jpg"]


def test_a_mac_s_names_are_read_as_they_were_meant(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"X" * 9 + ".jpg": jpeg(1)})
    patched(path, b"X" * 9, "Zoe\u0308 ♥".encode())
    assert [source.name for source in open_zip(path, "a.zip")] == ["Zoë ♥.jpg"]


@pytest.mark.django_db
def test_archives_come_in_beside_files_and_each_refusal_has_its_row(study: Study, tmp_path: Path) -> None:
    first = zipped(tmp_path / "one.zip", {"1.jpg": jpeg(1), "../2.jpg": jpeg(2), "broken.jpg": b"<html>"})
    second = zipped(tmp_path / "two.zip", {"3.jpg": jpeg(3), "1.jpg": jpeg(4)})
    lot = take(Where(zips=(str(first), str(second))))
    report = import_images(study, lot.sources, lot.facts, actor=audit.SYSTEM, report=lambda *told: None)
    assert report.added == 2 and Image.objects.count() == 2
    rows = {row.name: (row.reason, row.remedy) for row in report.refused}
    assert set(rows) == {"../2.jpg", "broken.jpg", "1.jpg"} and all(remedy for _, remedy in rows.values())
    assert "different picture" in rows["1.jpg"][0]
    assert set(ImageName.objects.values_list("name", flat=True)) == {"1.jpg", "3.jpg"}


def test_a_zip_is_known_by_its_bytes(tmp_path: Path) -> None:
    assert is_zip(zipped(tmp_path / "pictures", {"a.jpg": b""}))
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    assert not is_zip(tmp_path / "a.jpg")
