"""Stores in a cloud: S3 against moto's server, Azure Blob against Azurite, both on loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from accounts import audit
from jobs.models import Job, JobState
from labeler import import_jobs
from labeler.import_lots import Where, take
from labeler.import_report import ImportReport
from labeler.importing_many import import_images
from labeler.models import ImageName, Study
from labeler.sources import Unreadable, cloud
from labeler.sources.cloud import CloudFailed, objects, places
from labeler.tasks import import_images as do_import
from labeler.tests.drawn import jpeg

SECRET = "aVerySecretKey"
# Azurite's own account, which its documentation prints.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

Put = Callable[[str, bytes], object]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket(s3_server: str, settings: Settings) -> Iterator[Put]:
    """A bucket configured as “clinic”, from north/ on; gives a function that puts an object into it."""
    keys = {"aws_access_key_id": "anyone", "aws_secret_access_key": SECRET, "region_name": "eu-central-1"}
    client = boto3.client("s3", endpoint_url=s3_server, **keys)
    client.create_bucket(Bucket="selfies", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    told = {"kind": "s3", "bucket": "selfies", "prefix": "north", "endpoint": s3_server, "region": "eu-central-1"}
    settings.GOLDFOLD_SOURCES = json.dumps({"clinic": told | {"access_key": "anyone", "secret_key": SECRET}})
    yield lambda key, data: client.put_object(Bucket="selfies", Key=key, Body=data)
    for found in client.list_objects_v2(Bucket="selfies").get("Contents", ()):
        client.delete_object(Bucket="selfies", Key=found["Key"])
    client.delete_bucket(Bucket="selfies")


def _import(study: Study, where: Where) -> ImportReport:
    lot = take(where)
    return import_images(study, lot.sources, lot.facts, actor=audit.SYSTEM, report=lambda done, total, message: None)


CLINIC = Where(source="clinic")


@pytest.mark.django_db
def test_a_bucket_comes_in_and_only_what_is_new_is_fetched_again(
    study: Study, bucket: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        bucket(f"north/2026/{number}.jpg", jpeg(number))
    bucket("south/4.jpg", jpeg(4))
    bucket("northern/5.jpg", jpeg(5))
    bucket("north/broken.jpg", b"<html>")
    bucket("north/empty.jpg", b"")
    bucket("north/folder/", b"")
    report = _import(study, CLINIC)
    assert report.added == 3 and set(ImageName.objects.values_list("name", flat=True)) == {
        "2026/1.jpg",
        "2026/2.jpg",
        "2026/3.jpg",
    }
    assert {row.name for row in report.refused} == {"broken.jpg", "empty.jpg"}

    fetched: list[str] = []
    read = cloud.CloudSource.read

    def reading(source: cloud.CloudSource) -> bytes:
        fetched.append(source.name)
        return read(source)

    monkeypatch.setattr(cloud.CloudSource, "read", reading)
    bucket("north/2026/2.jpg", jpeg(22))  # another picture under a known name
    bucket("north/2026/6.jpg", jpeg(6))
    again = _import(study, CLINIC)
    assert (again.added, again.unchanged) == (1, 2)
    assert set(fetched) == {"2026/2.jpg", "2026/6.jpg", "broken.jpg"}
    assert "different picture" in {row.name: row.reason for row in again.refused}["2026/2.jpg"]


@dataclass(frozen=True)
class Listing:
    """A store that only lists, and whose objects nobody may read."""

    keys: dict[str, int]
    errors: tuple[type[Exception], ...] = ()

    def list(self, prefix: str) -> Iterator[cloud.Found]:
        return (cloud.Found(key, size, "etag") for key, size in self.keys.items() if key.startswith(prefix))

    def chunks(self, key: str) -> Iterator[bytes]:
        raise AssertionError(key)


def test_a_key_that_could_be_read_as_a_path_elsewhere_is_a_row_and_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {"north/../../others/a.jpg": 9, "north/./b.jpg": 9, "north/c.jpg/": 9, "north/folder/": 0, "north/": 0}
    monkeypatch.setitem(cloud._STORES, "s3", lambda place: Listing(keys | {"north/.hidden/d.jpg": 9}))
    refused = {source.name: source for source in objects(cloud.Place("clinic", "s3", "north/", {}), "")}
    assert set(refused) == {"../../others/a.jpg", "./b.jpg", "c.jpg/"}
    for source in refused.values():
        with pytest.raises(Unreadable, match="key"):
            source.read()


@pytest.mark.django_db
def test_a_prefix_chooses_below_the_operators_own(study: Study, bucket: Put) -> None:
    bucket("north/2025/1.jpg", jpeg(1))
    bucket("north/2026/2.jpg", jpeg(2))
    bucket("south/3.jpg", jpeg(3))
    assert _import(study, Where(source="clinic", prefix="2026/")).added == 1
    for outside in ("../south/", "/south/", "south/"):
        assert _import(study, Where(source="clinic", prefix=outside)).added == 0
    assert ImageName.objects.get().name == "2026/2.jpg"


@pytest.mark.django_db
def test_a_table_tells_of_a_buckets_pictures(study: Study, bucket: Put, tmp_path: Path) -> None:
    bucket("north/1.jpg", jpeg(1))
    table = tmp_path / "t.csv"
    table.write_text("file,person\n1.jpg,75\n")
    _import(study, Where(source="clinic", table=str(table)))
    person = ImageName.objects.get().image.person
    assert person is not None and person.external_id == "75"


def test_a_bucket_is_listed_page_by_page(bucket: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 8):
        bucket(f"north/{number}.jpg", b"x")
    place = places()["clinic"]
    store = cloud._S3(place)
    asked: list[str] = []
    store._client.meta.events.register("before-call.s3.ListObjectsV2", lambda **told: asked.append("page"))
    monkeypatch.setattr(cloud, "_STORES", {"s3": lambda place: store})
    monkeypatch.setattr(cloud, "_PAGE", 3)
    listing = objects(place, "")
    assert [next(listing).name for _ in range(3)] == ["1.jpg", "2.jpg", "3.jpg"] and len(asked) == 1
    assert len(list(listing)) == 4 and len(asked) == 3


def test_an_object_larger_than_may_come_is_not_fetched(bucket: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket("north/1.jpg", jpeg(1))
    (source,) = objects(places()["clinic"], "")
    monkeypatch.setattr(cloud, "MAX_FILE_BYTES", 100)
    with pytest.raises(Unreadable, match="larger than"):
        source.read()


def test_an_object_that_is_gone_meanwhile_is_refused_without_its_address(bucket: Put, s3_server: str) -> None:
    bucket("north/1.jpg", jpeg(1))
    (source,) = objects(places()["clinic"], "")
    gone = cloud.CloudSource(source.name, "", source.store, cloud.Found("north/2.jpg", 10, "x"))  # type: ignore[attr-defined]
    with pytest.raises(Unreadable, match="NoSuchKey") as caught:
        gone.read()
    assert s3_server not in caught.value.reason and caught.value.remedy


@pytest.mark.django_db(transaction=True)
def test_a_store_that_can_not_be_read_fails_the_job_without_a_secret(
    study: Study, bucket: Put, settings: Settings
) -> None:
    told = json.loads(settings.GOLDFOLD_SOURCES)
    told["clinic"]["bucket"] = "no-such-bucket"
    settings.GOLDFOLD_SOURCES = json.dumps(told)
    job = import_jobs.enqueue_images(study, CLINIC, actor=audit.SYSTEM)
    do_import(job_id=job.pk)
    job = Job.objects.get(pk=job.pk)
    assert job.state == JobState.FAILED and "The source “clinic” can't be read (NoSuchBucket)" in job.error
    assert SECRET not in json.dumps([job.params, job.error, job.result, job.message]) and SECRET not in repr(places())


@pytest.mark.parametrize(
    "told, problem",
    [
        ("clinic=s3://selfies", "not JSON"),
        ('["s3"]', "must look like"),
        ('{"clinic": {"kind": "ftp"}}', "neither s3 nor azure"),
        ('{"clinic": {"kind": "s3"}}', "names no bucket"),
        ('{"clinic": {"kind": "azure", "bucket": "x"}}', "has bucket"),
        ('{"clinic": {"kind": "s3", "bucket": 7}}', "no text"),
    ],
)
def test_a_configuration_that_can_not_be_right_is_refused(settings: Settings, told: str, problem: str) -> None:
    settings.GOLDFOLD_SOURCES = told
    with pytest.raises(ImproperlyConfigured, match=problem):
        places()
    with pytest.raises(SystemCheckError, match=r"labeler\.E001"):
        call_command("check")


@pytest.fixture(scope="module")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite-blob is not on the PATH (npm install --global azurite), so Azure Blob is not tried here")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("azurite")
    options = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--location",
        str(folder),
        "--silent",
        "--disableTelemetry",
    ]
    process = subprocess.Popen([program, *options, "--skipApiVersionCheck"], stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def container(azure_server: str, settings: Settings) -> ContainerClient:
    told = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={azure_server};"
    settings.GOLDFOLD_SOURCES = json.dumps(
        {"clinic": {"kind": "azure", "container": "selfies", "prefix": "north/", "connection_string": told}}
    )
    client = ContainerClient.from_connection_string(told, "selfies", retry_total=0)
    until = time.monotonic() + 120  # a busy machine takes its time to start it
    while True:
        try:
            client.create_container()
        except AzureError:
            if time.monotonic() > until:
                raise
            time.sleep(0.25)
        else:
            return client


@pytest.mark.django_db
def test_an_azure_container_comes_in_and_only_what_is_new_is_fetched_again(
    study: Study, container: ContainerClient, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    for number in (1, 2):
        container.upload_blob(f"north/{number}.jpg", jpeg(number))
    container.upload_blob("south/3.jpg", jpeg(3))
    container.upload_blob("north/broken.jpg", b"<html>")
    report = _import(study, CLINIC)
    assert (report.added, [row.name for row in report.refused]) == (2, ["broken.jpg"])
    assert set(ImageName.objects.values_list("name", flat=True)) == {"1.jpg", "2.jpg"}

    fetched: list[str] = []
    read = cloud.CloudSource.read

    def reading(source: cloud.CloudSource) -> bytes:
        fetched.append(source.name)
        return read(source)

    monkeypatch.setattr(cloud.CloudSource, "read", reading)
    container.upload_blob("north/6.jpg", jpeg(6))
    again = _import(study, CLINIC)
    assert (again.added, again.unchanged) == (1, 2) and set(fetched) == {"6.jpg", "broken.jpg"}

    (missing,) = list(objects(places()["clinic"], "6"))
    container.delete_blob("north/6.jpg")
    with pytest.raises(Unreadable, match="BlobNotFound"):
        missing.read()
    container.delete_container()
    with pytest.raises(CloudFailed, match="“clinic” can't be read"):
        list(objects(places()["clinic"], ""))
