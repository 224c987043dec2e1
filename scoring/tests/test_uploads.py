"""What can't be scored is refused with a stable code, and no picture touches a disk."""

from __future__ import annotations

import io
import tempfile
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from accounts import api_keys
from accounts.audit import SYSTEM
from labeler.models import Study
from mlcore.images import render
from scoring.refusals import Refusal, picture_refusal
from scoring.tests.conftest import Models, Promote
from scoring.tests.test_score import upload
from scoring.uploads import LIMIT

pytestmark = [pytest.mark.django_db, pytest.mark.urls("config.scoring_urls"), pytest.mark.usefixtures("fresh_process")]


@pytest.fixture
def asker(study: Study, models: Models, promote: Promote) -> Client:
    promote(study, models.first)
    _, raw = api_keys.create_key("tests", study.pk, SYSTEM)
    return Client(headers={"authorization": f"Bearer {raw}"})


def send(asker: Client, data: bytes, content_type: str = "image/jpeg", **extra: Any) -> tuple[int, str]:
    answer = asker.post("/api/v1/score", data, content_type=content_type, **extra)
    return answer.status_code, answer.json()["error"]["code"]


def gif(frames: int) -> bytes:
    file = io.BytesIO()
    pictures = [Image.new("L", (80, 80), 40 * number) for number in range(frames)]
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def test_bad_pictures(asker: Client, selfie: bytes) -> None:
    tiny = render(np.zeros((20, 20, 3), dtype=np.uint8)).data
    assert send(asker, b"", headers={"content-length": "0", "content-type": "image/jpeg"}) == (400, "empty")
    assert send(asker, b"<html>not a picture</html>") == (415, "not_an_image")
    assert send(asker, selfie[: len(selfie) // 2]) == (422, "corrupt")
    assert send(asker, tiny) == (422, "too_small")
    assert send(asker, gif(3), "image/gif") == (422, "animated")


def test_bad_requests(asker: Client, selfie: bytes) -> None:
    assert send(asker, selfie, "application/json") == (415, "unsupported")
    assert send(asker, selfie, "") == (415, "unsupported")
    assert send(asker, b"no boundary", "multipart/form-data") == (400, "malformed")
    assert send(asker, selfie, headers={"content-length": ""}) == (411, "length_required")
    for form in ({"picture": upload(selfie)}, {"image": "text"}, {"image": [upload(selfie), upload(selfie)]}):
        answer = asker.post("/api/v1/score", form)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_missing")


def test_a_picture_beyond_the_limit_is_refused_in_both_ways(asker: Client) -> None:
    large = bytes(LIMIT + 1)
    assert send(asker, large) == (413, "too_large")
    answer = asker.post("/api/v1/score", {"image": upload(large)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_picture_just_within_the_limit_is_looked_at(asker: Client) -> None:
    assert send(asker, bytes(LIMIT)) == (415, "not_an_image")
    answer = asker.post("/api/v1/score", {"image": upload(bytes(LIMIT))})
    assert answer.json()["error"]["code"] == "not_an_image"


def test_no_temporary_file_is_made(asker: Client, faces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a temporary file was opened")

    for maker in ("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, maker, refuse)
    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", refuse)
    large = np.random.default_rng(0).integers(0, 255, (1700, 1700, 3), dtype=np.uint8)
    large[:480, :360] = faces[0].pixels
    file = io.BytesIO()
    Image.fromarray(large).save(file, "PNG")
    assert len(file.getvalue()) > 2_621_440  # what Django's own handlers keep in memory
    answer = asker.post("/api/v1/score", {"image": upload(file.getvalue(), "selfie.png")})
    assert answer.status_code == 200


def test_codes_are_unique_and_every_way_to_fail_decoding_has_one() -> None:
    codes = [refusal.code for refusal in Refusal]
    assert len(codes) == len(set(codes))
    for code in ("empty", "not_an_image", "too_large", "too_small", "animated", "unsupported", "corrupt"):
        assert picture_refusal(code).code == code
    assert picture_refusal("something new") is Refusal.CORRUPT
