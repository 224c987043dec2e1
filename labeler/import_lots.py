"""What one import takes in: it is said in few words when the import is asked for, and opened when it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from labeler.import_table import Facts, read_facts
from labeler.sources import FileSource, Source, in_natural_order, scan_folder
from labeler.sources.archive import is_zip, open_zip
from labeler.sources.cloud import objects, places
from labeler.sources.manifest import read_manifest
from labeler.uploads import Upload


class NoSuchPlace(Exception):
    """No configured store has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"This site has no source called “{name}” configured (any more).")


@dataclass(frozen=True, slots=True)
class Where:
    """Where an import's pictures are: one of upload, folder, zips, manifest and source; paths are this machine's.

    table: of a folder, zips or a source, the table that tells more of the files; with `upload` it is part of that.
    manifest: a table that says where each picture is, its paths beginning at `root` (else beside the table).
    source, prefix: a configured store, and how its pictures' keys begin; `upload` may hold their table.
    """

    upload: str = ""
    folder: str = ""
    zips: tuple[str, ...] = ()
    manifest: str = ""
    root: str = ""
    source: str = ""
    prefix: str = ""
    table: str = ""

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        told = dict(params)
        return cls(**told | {"zips": tuple(told.get("zips", ()))})

    def as_params(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Lot:
    """The files of an import, and what is told of them by name."""

    sources: Iterable[Source]
    facts: Mapping[str, Facts]


def take(where: Where) -> Lot:
    """Open what is to be imported. Raises BadTable, NotADirectoryError, NoSuchPlace and CloudFailed.

    A store's files are listed while they are imported, unless a table must be held against their names.
    """
    table = _table(where)
    if where.source:
        return _of_store(where, table)
    if where.manifest:
        path = Path(where.manifest)
        root = Path(where.root) if where.root else path.parent
        manifest = read_manifest(path.name, path.read_bytes(), root)
        return Lot(manifest.sources, manifest.facts)
    if where.upload:
        return _of_upload(Upload(where.upload))
    if where.zips:
        return _with_table(_unpacked([FileSource(Path(path).name, Path(path)) for path in where.zips]), table)
    folder = scan_folder(Path(where.folder), leave_out=Path(where.table) if where.table else None)
    return _with_table(folder, table)


def _of_upload(upload: Upload) -> Lot:
    lot = _with_table(_unpacked(upload.sources()), upload.table())
    manifest = upload.manifest()
    if manifest is None:
        return lot
    more = read_manifest(*manifest, root=None)
    return Lot([*lot.sources, *more.sources], {**lot.facts, **more.facts})


def _of_store(where: Where, table: tuple[str, bytes] | None) -> Lot:
    place = places().get(where.source)
    if place is None:
        raise NoSuchPlace(where.source)
    if table is None:
        return Lot(objects(place, where.prefix), {})
    names = {source.name for source in objects(place, where.prefix)}
    return Lot(objects(place, where.prefix), read_facts(*table, names))


def _with_table(sources: Sequence[Source], table: tuple[str, bytes] | None) -> Lot:
    names = {source.name for source in sources}
    return Lot(sources, read_facts(*table, names) if table else {})


def _unpacked(files: Iterable[FileSource]) -> list[Source]:
    """Those files, with the members of archives in the place of the archives."""
    found: list[Source] = []
    for file in files:
        archive = file.path.is_file() and (is_zip(file.path) or file.name.lower().endswith(".zip"))
        found.extend(open_zip(file.path, file.name) if archive else [file])
    return in_natural_order(found)


def _table(where: Where) -> tuple[str, bytes] | None:
    if where.source and where.upload:
        return Upload(where.upload).table()
    path = Path(where.table) if where.table else None
    return (path.name, path.read_bytes()) if path else None
