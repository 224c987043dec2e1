"""The scoring process itself, over real HTTP, and the examples of docs/api.md run against it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection

from accounts import api_keys
from accounts.audit import SYSTEM
from labeler.models import Study
from scoring.refusals import Refusal
from scoring.tests.conftest import Models, Promote
from scoring.uploads import LIMIT

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(settings.BASE_DIR)
DOCUMENT = (ROOT / "docs/api.md").read_text()
GUNICORN = [sys.executable, "-m", "gunicorn", "config.scoring_wsgi", "--threads", "2", "--no-control-socket"]
STARTS_WITHIN = 180.0  # seconds; torch alone takes several on a busy machine


def documented(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(block)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A scoring process on the test's database; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = connection.settings_dict
    url = urlsplit(settings.DATABASE_URL)._replace(path="/" + quote(str(database["NAME"]))).geturl()
    log = (tmp_path / "gunicorn.log").open("wb")
    process = subprocess.Popen(
        [*GUNICORN, "--bind", f"127.0.0.1:{port}"],
        cwd=ROOT,
        # DEBUG, because static files are collected for production only.
        env=os.environ | {"DATABASE_URL": url, "GOLDFOLD_HOME": str(tmp_path / "files"), "DEBUG": "1"},
        stdout=log,
        stderr=log,
    )
    try:
        _await(port, process, tmp_path / "gunicorn.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the scoring process did not start: {log.read_text()}")


def test_the_process_as_documented(
    address: str, study: Study, models: Models, promote: Promote, selfie: bytes, tmp_path: Path
) -> None:
    """One test, as a process takes seconds to start."""
    key, raw = api_keys.create_key("tests", study.pk, SYSTEM)
    (tmp_path / "selfie.jpg").write_bytes(selfie)
    environment = os.environ | {"GOLDFOLD_URL": address, "GOLDFOLD_KEY": raw}

    def example(language: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c"] if language == "python" else ["bash", "-c"]
        return subprocess.run(
            [*command, documented(language)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    refused = example("python")
    assert refused.returncode == 1 and refused.stderr.startswith("409 no_promoted_run")
    promote(study, models.first)
    with urlopen(f"{address}/api/v1/ready", timeout=60) as ready:
        assert json.load(ready) == {"status": "ready"}
    answer = json.loads(example("sh").stdout)
    assert _shape(answer) == _shape(json.loads(documented("json")))
    assert example("python").stdout == f"{answer['severity']:.2f} {answer['level']['name']}\n"

    promote(study, models.second)
    assert json.loads(example("sh").stdout)["run"]["number"] == 2
    _check_refusals_arrive(address, raw)
    _check_pages(address)
    api_keys.revoke(key, SYSTEM)
    assert example("python").stderr.startswith("401 unauthorised")


def _shape(value: Any) -> Any:
    """Names and types of the fields; of a list, its first item's."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items()}
    return [_shape(value[0])] if isinstance(value, list) else type(value)


def _check_refusals_arrive(address: str, raw: str) -> None:
    """Their sender still has bytes to send when they are decided, and must get to read them."""
    for key, size, expected in ((raw, LIMIT + 1, (413, "too_large")), ("gf_wrong", 5_000_000, (401, "unauthorised"))):
        client = HTTPConnection(urlsplit(address).netloc, timeout=60)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg", "Connection": "close"}
        client.request("POST", "/api/v1/score", body=bytes(size), headers=headers)
        answer = client.getresponse()
        assert (answer.status, json.load(answer)["error"]["code"]) == expected
        client.close()


def _check_pages(address: str) -> None:
    with urlopen(f"{address}/api/v1/openapi.json", timeout=60) as schema:
        assert "/api/v1/score" in json.load(schema)["paths"]
    with urlopen(f"{address}/api/v1/docs", timeout=60) as page:
        text = page.read().decode()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    outside = re.findall(r"(?:src|href)=\"(https?://[^\"]+)", text)
    assert outside == [], "the page must not call other hosts"


def test_every_error_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert {(code, int(status)) for status, code in rows} == {(refusal.code, refusal.status) for refusal in Refusal}
    assert len(rows) == len(set(rows))
