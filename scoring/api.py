"""The scoring API, version 1. Imports torch: only `config.scoring_urls` may import this module."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.renderers import JSONRenderer
from ninja.security import HttpBearer

from accounts import api_keys
from accounts.models import ApiKey
from scoring.answers import ErrorOut, ScoreOut, StatusOut
from scoring.loaded import LoadedRuns, ModelUnavailable
from scoring.promoted import newest_promoted_run, promoted_run
from scoring.refusals import Refusal, RequestRefused, picture_refusal
from scoring.uploads import FIELD, drain, picture_of

logger = logging.getLogger(__name__)

NO_RUN = "No run of this study is promoted yet; a study lead promotes one on the run's page."
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            },
            "image/*": _BINARY,
        },
    }
}


class FiniteJSON(JSONRenderer):
    """Refuses to write NaN or Infinity, which are no JSON."""

    json_dumps_params = {"allow_nan": False}


class KeyAuth(HttpBearer):
    """`Authorization: Bearer gf_…`"""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        key = api_keys.verify(token)
        if key is not None:
            api_keys.note_use(key)
        return key


api = NinjaAPI(
    title="Goldfold scoring",
    version="1",
    description="Scores selfies for acne severity with a study's promoted run. Pictures are never stored. "
    "For research, not for diagnosis.",
    renderer=FiniteJSON(),
)
runs = LoadedRuns()
_REFUSED = dict.fromkeys(sorted({refusal.status for refusal in Refusal} - {404, 405}), ErrorOut)


@api.post(
    "/score",
    auth=KeyAuth(),
    response={200: ScoreOut, **_REFUSED},
    summary="Score a selfie",
    openapi_extra=_PICTURE_BODY,
)
def score(request: HttpRequest) -> ScoreOut:
    """The severity of a selfie, by the promoted run of the key's study.

    A picture in which no skin is found is answered with severity null and the reason.
    """
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    picture = picture_of(request)
    run = promoted_run(key.study_id)
    if run is None:
        raise RequestRefused(Refusal.NO_PROMOTED_RUN, NO_RUN)
    loaded, found = runs.score(run, picture)
    if not found.width:  # not a picture that could be decoded
        raise RequestRefused(picture_refusal(found.code), found.reason)
    return ScoreOut.of(loaded, found)


@api.api_operation(["GET", "PUT", "PATCH", "DELETE"], "/score", include_in_schema=False)
def score_otherwise(request: HttpRequest) -> None:
    raise RequestRefused(Refusal.METHOD_NOT_ALLOWED, "Send the picture with POST.")


@api.get("/health", response=StatusOut, summary="Is the process alive?")
def health(request: HttpRequest) -> StatusOut:
    """Looks at nothing else, so that a database that is down doesn't get this process restarted."""
    return StatusOut(status="ok")


@api.get("/ready", response={200: StatusOut, 503: ErrorOut}, summary="Can it score?")
def ready(request: HttpRequest) -> StatusOut:
    """Loads the run that was promoted last, if it isn't loaded yet, so that the first selfie doesn't wait for it."""
    run = newest_promoted_run()
    if run is None:
        raise RequestRefused(Refusal.NOTHING_PROMOTED, "No run of any study is promoted yet.")
    runs.warm(run)
    return StatusOut(status="ready")


def refuse(request: HttpRequest, refusal: Refusal, message: str) -> HttpResponse:
    """The answer to a refused request, whose body is read to its end first."""
    drain(request)
    body = {"error": {"code": refusal.code, "message": message}}
    answer = api.create_response(request, body, status=refusal.status)
    if refusal is Refusal.UNAUTHORISED:
        answer["WWW-Authenticate"] = "Bearer"
    if refusal is Refusal.METHOD_NOT_ALLOWED:
        answer["Allow"] = "POST"
    return answer


@api.exception_handler(RequestRefused)
def _request_refused(request: HttpRequest, error: RequestRefused) -> HttpResponse:
    return refuse(request, error.refusal, error.message)


@api.exception_handler(AuthenticationError)
def _unauthorised(request: HttpRequest, error: Any) -> HttpResponse:
    message = "Send a key that is in force: “Authorization: Bearer gf_…”. A study lead makes keys on the page Scoring."
    return refuse(request, Refusal.UNAUTHORISED, message)


@api.exception_handler(ModelUnavailable)
def _model_unavailable(request: HttpRequest, error: ModelUnavailable) -> HttpResponse:
    # Its own message names files of this machine, and stands in the log.
    return refuse(request, Refusal.MODEL_UNAVAILABLE, "The promoted run can't be loaded; the log says why.")


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _database_unavailable(request: HttpRequest, error: Any) -> HttpResponse:
    logger.error("the database does not answer: %s", error)
    return refuse(request, Refusal.DATABASE_UNAVAILABLE, "The database does not answer; try again in a moment.")


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Any) -> HttpResponse:
    return refuse(request, Refusal.NOT_FOUND, "There is nothing at this address.")


@api.exception_handler(Exception)
def _internal(request: HttpRequest, error: Any) -> HttpResponse:
    logger.exception("scoring failed", exc_info=error)
    return refuse(request, Refusal.INTERNAL, "Something went wrong here; the log says what.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For addresses outside the API, too."""
    return refuse(request, Refusal.NOT_FOUND, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    return refuse(request, Refusal.INTERNAL, "Something went wrong here; the log says what.")
