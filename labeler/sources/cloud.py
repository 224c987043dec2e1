"""Stores in a cloud that the operator has configured: Amazon S3 (and what speaks like it) and Azure Blob.

A study lead chooses a store by name and a prefix. Its keys are in the setting GOLDFOLD_SOURCES and nowhere else:
neither in the database nor on a page, nor in a message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from labeler.sources.base import (
    MAX_FILE_BYTES,
    SMALLER,
    TOO_LARGE,
    RefusedSource,
    Source,
    Unreadable,
    is_hidden,
    normal_name,
)

# What may be said of a store, and what django-storages calls it.
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "s3": {
        "bucket": "bucket_name",
        "region": "region_name",
        "endpoint": "endpoint_url",
        "access_key": "access_key",
        "secret_key": "secret_key",
        "session_token": "security_token",
    },
    "azure": {
        "container": "azure_container",
        "account": "account_name",
        "key": "account_key",
        "sas_token": "sas_token",
        "connection_string": "connection_string",
    },
}
_REQUIRED: Final = {"s3": "bucket", "azure": "container"}
_CHUNK: Final = 1024 * 1024
_PAGE = 1000  # objects listed at once; the most that S3 gives
_ASTRAY: Final = {".", ".."}
_LATER: Final = "Import again later: what is there is kept."


class CloudFailed(Exception):
    """A store that can't be listed; the message is for people and holds no secret."""


@dataclass(frozen=True, slots=True)
class Place:
    """A configured store. `prefix` is where it begins for us; leads see nothing outside it."""

    name: str
    kind: str
    prefix: str
    # Holds its keys: never shown.
    options: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """An object as the listing tells of it."""

    key: str
    size: int
    etag: str


class Store(Protocol):
    """An open store. `errors` are what its library raises."""

    errors: tuple[type[Exception], ...]

    def list(self, prefix: str) -> Iterator[Found]: ...

    def chunks(self, key: str) -> Iterator[bytes]: ...


def places() -> dict[str, Place]:
    """The configured stores by name. Raises ImproperlyConfigured."""
    text = settings.GOLDFOLD_SOURCES
    if not text:
        return {}
    try:
        told = json.loads(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"GOLDFOLD_SOURCES is not JSON: {error}") from None
    if not isinstance(told, dict) or not all(isinstance(entry, dict) for entry in told.values()):
        raise ImproperlyConfigured('GOLDFOLD_SOURCES must look like {"a name": {"kind": "s3", "bucket": "…"}}')
    return {name: _place(name, entry) for name, entry in told.items()}


def _place(name: str, told: Mapping[str, Any]) -> Place:
    kind = str(told.get("kind", ""))
    if kind not in _OPTIONS:
        raise ImproperlyConfigured(f"GOLDFOLD_SOURCES: the kind of “{name}” is neither s3 nor azure")
    known = _OPTIONS[kind]
    unknown = sorted(set(told) - set(known) - {"kind", "prefix"})
    if unknown or not all(isinstance(value, str) for value in told.values()):
        raise ImproperlyConfigured(f"GOLDFOLD_SOURCES: “{name}” has {', '.join(unknown) or 'a value that is no text'}")
    if not told.get(_REQUIRED[kind]):
        raise ImproperlyConfigured(f"GOLDFOLD_SOURCES: “{name}” names no {_REQUIRED[kind]}")
    prefix = told.get("prefix", "").strip("/")
    options = {theirs: told[ours] for ours, theirs in known.items() if ours in told}
    return Place(name, kind, f"{prefix}/" if prefix else "", options)


@dataclass(frozen=True, slots=True)
class CloudSource:
    """An object of a store. Its mark changes with its content."""

    name: str
    mark: str
    store: Store
    found: Found

    def read(self) -> bytes:
        """The object's bytes. Raises Unreadable."""
        if self.found.size > MAX_FILE_BYTES:
            raise Unreadable(TOO_LARGE, SMALLER)
        data = bytearray()
        try:
            for chunk in self.store.chunks(self.found.key):
                data += chunk
                if len(data) > MAX_FILE_BYTES:
                    raise Unreadable(TOO_LARGE, SMALLER)
        except self.store.errors as error:
            raise Unreadable(f"The store did not give the file ({_code(error)}).", _LATER) from error
        return bytes(data)


def objects(place: Place, prefix: str) -> Iterator[Source]:
    """Every object below a prefix, page by page as the store lists them, named by its key below the place's own prefix.

    Raises CloudFailed, also while it is gone through.
    """
    store = _opened(place)
    try:
        for found in store.list(place.prefix + prefix.lstrip("/")):
            name = normal_name(found.key.removeprefix(place.prefix))
            if not _is_left_out(name, found):
                yield _source(place, store, name, found)
    except store.errors as error:
        raise _failed(place, error) from error


def _is_left_out(name: str, found: Found) -> bool:
    """Whether an object is no file of anybody's: what marks a folder, and what systems keep beside."""
    parts = [part for part in name.split("/") if part not in _ASTRAY]
    return is_hidden(parts) or (found.key.endswith("/") and not found.size)


def _opened(place: Place) -> Store:
    try:
        return _STORES[place.kind](place)
    # Each library has its own way to say that keys are missing or malformed; none says it to a study lead.
    except Exception as error:
        raise _failed(place, error) from error


def _failed(place: Place, error: Exception) -> CloudFailed:
    return CloudFailed(
        f"The source “{place.name}” can't be read ({_code(error)}). Ask whoever runs this site to look at its "
        "configuration; what was imported until now is kept."
    )


def _source(place: Place, store: Store, name: str, found: Found) -> Source:
    if found.key.endswith("/") or _ASTRAY & set(name.split("/")):
        # Whatever sends such a key may read it as a path, and so leave the place's prefix.
        return RefusedSource(name, "Its key holds “.” or “..”, or ends with a slash.", "Rename the object.")
    if found.size == 0:
        return RefusedSource(name, "The file is empty.", "Copy the file again from where it came from.")
    return CloudSource(name, f"{place.kind} {place.name} {found.key} {found.etag} {found.size}", store, found)


def _code(error: Exception) -> str:
    """What a store calls its refusal; its words may hold addresses and are not shown."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return str(answer.get("Error", {}).get("Code") or type(error).__name__)
    return str(getattr(error, "error_code", None) or type(error).__name__)


class _S3:
    """Through django-storages, imported only here: its library takes a second and 40 MB, which few sites need."""

    def __init__(self, place: Place) -> None:
        self.errors: tuple[type[Exception], ...] = tuple(
            import_string(f"botocore.exceptions.{name}") for name in ("ClientError", "BotoCoreError", "HTTPClientError")
        )
        config = import_string("botocore.config.Config")
        options = dict(place.options)
        # Of one's own endpoint, the bucket is a folder; only Amazon's has a host for each.
        style = {"addressing_style": "path"} if "endpoint_url" in options else {}
        calm = config(connect_timeout=10, read_timeout=60, max_pool_connections=16, s3=style)
        storage = import_string("storages.backends.s3.S3Storage")(client_config=calm, **options)
        self._bucket = storage.bucket_name
        # The client may be used by many threads; the resources around it may not.
        self._client = storage.connection.meta.client

    def list(self, prefix: str) -> Iterator[Found]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": _PAGE}
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                yield Found(entry["Key"], entry["Size"], entry["ETag"])

    def chunks(self, key: str) -> Iterator[bytes]:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        with body:
            yield from iter(partial(body.read, _CHUNK), b"")


class _Azure:
    """As `_S3`."""

    def __init__(self, place: Place) -> None:
        self.errors: tuple[type[Exception], ...] = (import_string("azure.core.exceptions.AzureError"),)
        storage = import_string("storages.backends.azure_storage.AzureStorage")(**place.options)
        self._client = storage.client

    def list(self, prefix: str) -> Iterator[Found]:
        for blob in self._client.list_blobs(name_starts_with=prefix or None):
            yield Found(blob.name, blob.size, blob.etag)

    def chunks(self, key: str) -> Iterator[bytes]:
        yield from self._client.download_blob(key, max_concurrency=1).chunks()


_STORES: Final[Mapping[str, Callable[[Place], Store]]] = {"s3": _S3, "azure": _Azure}
