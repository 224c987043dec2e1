"""The ways in which a request is refused: each a status, a code that never changes, and a sentence for people."""

from __future__ import annotations

from enum import Enum


class Refusal(Enum):
    """Every error code of the API, with its HTTP status."""

    MALFORMED = ("malformed", 400)
    IMAGE_MISSING = ("image_missing", 400)
    EMPTY = ("empty", 400)
    UNAUTHORISED = ("unauthorised", 401)
    NOT_FOUND = ("not_found", 404)
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405)
    NO_PROMOTED_RUN = ("no_promoted_run", 409)
    LENGTH_REQUIRED = ("length_required", 411)
    TOO_LARGE = ("too_large", 413)
    NOT_AN_IMAGE = ("not_an_image", 415)
    UNSUPPORTED = ("unsupported", 415)
    CORRUPT = ("corrupt", 422)
    TOO_SMALL = ("too_small", 422)
    ANIMATED = ("animated", 422)
    INTERNAL = ("internal", 500)
    NOTHING_PROMOTED = ("nothing_promoted", 503)
    MODEL_UNAVAILABLE = ("model_unavailable", 503)
    DATABASE_UNAVAILABLE = ("database_unavailable", 503)

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def status(self) -> int:
        return self.value[1]


class RequestRefused(Exception):
    """The request can't be answered with a score; `message` says why, and what would help."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.message = message


def picture_refusal(code: str) -> Refusal:
    """How a picture that could not be decoded is refused; a code not known here is a damaged picture."""
    found = {refusal.code: refusal for refusal in Refusal}.get(code)
    return found if found is not None and 400 <= found.status < 500 else Refusal.CORRUPT
