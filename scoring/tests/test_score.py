"""What a selfie is answered with. The API is called as its process serves it, within the test's transaction."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from accounts import api_keys
from accounts.audit import SYSTEM
from accounts.models import ApiKey
from labeler.models import Level, Study
from mlcore import artifact as artifacts
from mlcore.extractor import Extractor
from mlcore.faces import FaceFinder
from mlcore.images import decode, render
from mlcore.scorer import Score
from mlcore.synthetic import Face, encode_jpeg
from scoring.tests.conftest import Models, Promote

pytestmark = [pytest.mark.django_db, pytest.mark.urls("config.scoring_urls"), pytest.mark.usefixtures("fresh_process")]

ORIENTATION = 0x0112


@dataclass(frozen=True)
class Asker:
    key: ApiKey
    client: Client

    def send(self, data: bytes, content_type: str = "image/jpeg") -> tuple[int, dict]:  # type: ignore[type-arg]
        answer = self.client.post("/api/v1/score", data, content_type=content_type)
        return answer.status_code, json.loads(answer.content)

    def send_form(self, **fields: object) -> tuple[int, dict]:  # type: ignore[type-arg]
        answer = self.client.post("/api/v1/score", fields)
        return answer.status_code, json.loads(answer.content)


@pytest.fixture
def asker(study: Study) -> Asker:
    key, raw = api_keys.create_key("tests", study.pk, SYSTEM)
    return Asker(key, Client(headers={"authorization": f"Bearer {raw}"}))


def upload(data: bytes, name: str = "selfie.jpg") -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def blank() -> bytes:
    return render(np.full((200, 160, 3), 200, dtype=np.uint8)).data


def test_a_selfie_gets_severity_level_and_patches(
    asker: Asker, study: Study, models: Models, promote: Promote, selfie: bytes
) -> None:
    run = promote(study, models.first)
    status, answer = asker.send(selfie)
    assert status == 200
    assert 1 <= answer["severity"] <= 5
    nearest = min(Level.objects.filter(study=study), key=lambda level: abs(level.value - answer["severity"]))
    assert answer["level"] == {"value": nearest.value, "name": nearest.name}
    assert (answer["route"], answer["reason"]) == ("aligned", None)
    assert answer["image"] == {"width": 360, "height": 480}
    assert answer["scale"][0] == {"value": 1.0, "name": "Clear"}
    assert (answer["run"]["id"], answer["run"]["number"], answer["run"]["study"]) == (run.pk, 1, study.name)
    assert {patch["region"] for patch in answer["patches"]} >= {"forehead", "chin"}
    for patch in answer["patches"]:
        assert 0 <= patch["x0"] < patch["x1"] <= 360 and 0 <= patch["y0"] < patch["y1"] <= 480


def test_form_and_bare_body_get_the_same_answer(
    asker: Asker, study: Study, models: Models, promote: Promote, selfie: bytes
) -> None:
    promote(study, models.first)
    assert asker.send(selfie) == asker.send_form(image=upload(selfie))


def test_the_score_is_bit_for_bit_that_of_an_evaluation(
    asker: Asker, study: Study, models: Models, promote: Promote, faces: list[Face], finder: FaceFinder
) -> None:
    promote(study, models.first)
    artifact = artifacts.load(models.first)
    (config,) = artifact.ensemble.extractors
    extractor = Extractor(config, finder=finder)
    for face in faces:
        data = encode_jpeg(face)
        pixels = decode(data)
        cut = extractor.locate(pixels).patches
        vectors = extractor.embed_at(pixels, cut, extractor.pairs(cut, artifact.ensemble.offsets(config.id)))
        (expected,) = artifact.ensemble.predict([{config.id: vectors}])
        assert expected is not None
        assert asker.send(data)[1]["severity"] == expected.severity


def test_a_picture_turned_by_exif_is_scored_upright(
    asker: Asker, study: Study, models: Models, promote: Promote, faces: list[Face]
) -> None:
    promote(study, models.first)
    lying = Image.fromarray(np.rot90(faces[0].pixels).copy())
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    file = io.BytesIO()
    lying.save(file, "PNG", exif=exif)
    _, answer = asker.send(file.getvalue(), "image/png")
    assert answer["image"] == {"width": 360, "height": 480}
    assert answer["route"] == "aligned"


def test_a_picture_without_a_face_is_answered_with_the_reason(
    asker: Asker, study: Study, models: Models, promote: Promote
) -> None:
    promote(study, models.first)
    status, answer = asker.send(blank())
    assert status == 200
    assert (answer["severity"], answer["level"], answer["route"]) == (None, None, "refused")
    assert answer["reason"]["code"] == "no_face" and answer["reason"]["message"]
    assert answer["patches"] == []
    assert answer["image"] == {"width": 160, "height": 200}


def test_a_new_promotion_answers_at_once(
    asker: Asker, study: Study, models: Models, promote: Promote, selfie: bytes
) -> None:
    promote(study, models.first)
    _, before = asker.send(selfie)
    promote(study, models.second)
    _, after = asker.send(selfie)
    assert (before["run"]["number"], after["run"]["number"]) == (1, 2)
    assert before["run"]["artifact"] != after["run"]["artifact"]
    assert before["severity"] != after["severity"]


def test_a_model_is_loaded_once(
    asker: Asker, study: Study, models: Models, promote: Promote, selfie: bytes, settings: object
) -> None:
    run = promote(study, models.first)
    asker.send(selfie)
    for file in Path(settings.GOLDFOLD_HOME, run.artifact).iterdir():  # type: ignore[attr-defined]
        file.unlink()
    assert asker.send(selfie)[0] == 200


def test_an_artifact_that_is_gone_is_said_without_naming_our_files(
    asker: Asker, study: Study, models: Models, promote: Promote, selfie: bytes, settings: object
) -> None:
    run = promote(study, models.first)
    Path(settings.GOLDFOLD_HOME, run.artifact, artifacts.FACTS_FILE).unlink()  # type: ignore[attr-defined]
    status, answer = asker.send(selfie)
    assert (status, answer["error"]["code"]) == (503, "model_unavailable")
    assert "/" not in answer["error"]["message"]


def test_without_a_promoted_run_there_is_no_answer(asker: Asker, selfie: bytes) -> None:
    status, answer = asker.send(selfie)
    assert (status, answer["error"]["code"]) == (409, "no_promoted_run")


def test_a_key_reaches_its_own_study_only(
    asker: Asker, study: Study, models: Models, promote: Promote, selfie: bytes
) -> None:
    other = Study.objects.create(name="Another study")
    promote(other, models.first)
    assert asker.send(selfie)[0] == 409


def test_nan_never_leaves(
    asker: Asker,
    study: Study,
    models: Models,
    promote: Promote,
    selfie: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    promote(study, models.first)
    broken = Score(float("nan"), "aligned", "", "", 360, 480, ())  # type: ignore[arg-type]
    monkeypatch.setattr("mlcore.scorer.Scorer.score", lambda self, data: broken)
    status, answer = asker.send(selfie)
    assert (status, answer["error"]["code"]) == (500, "internal")


@pytest.mark.parametrize(
    ("headers", "why"),
    [({}, "none"), ({"authorization": "Bearer gf_" + "A" * 43}, "unknown"), ({"authorization": "Basic x"}, "scheme")],
)
def test_without_a_key_in_force_nothing_is_told(headers: dict[str, str], why: str, selfie: bytes) -> None:
    answer = Client(headers=headers).post("/api/v1/score", selfie, content_type="image/jpeg")
    assert answer.status_code == 401, why
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "unauthorised"


def test_a_revoked_key_is_refused(asker: Asker, selfie: bytes) -> None:
    api_keys.revoke(asker.key, SYSTEM)
    assert asker.send(selfie)[0] == 401


def test_using_a_key_is_noted(asker: Asker, selfie: bytes) -> None:
    asker.send(selfie)
    asker.key.refresh_from_db()
    assert asker.key.last_used_at is not None


def test_other_methods_and_addresses_answer_in_json(asker: Asker) -> None:
    wrong_method = asker.client.get("/api/v1/score")
    assert (wrong_method.status_code, wrong_method["Allow"]) == (405, "POST")
    assert wrong_method.json()["error"]["code"] == "method_not_allowed"
    for address in ("/api/v1/nothing", "/", "/studies/1/"):
        nowhere = asker.client.get(address)
        assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found"), address


def test_ready_says_whether_a_promoted_run_can_be_loaded(
    study: Study, models: Models, promote: Promote, client: Client
) -> None:
    assert client.get("/api/v1/health").json() == {"status": "ok"}
    nothing = client.get("/api/v1/ready")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (503, "nothing_promoted")
    promote(study, models.first)
    assert client.get("/api/v1/ready").json() == {"status": "ready"}
