"""Takes the picture out of a request, in memory only: a selfie sent for scoring is never written to a disk."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from scoring.refusals import Refusal, RequestRefused

LIMIT = 40 * 1024 * 1024
FIELD = "image"
# A form's boundaries, headers and small fields around the picture.
FORM_OVERHEAD = 1024 * 1024
# Of a request that is refused early, this much is read and dropped, so that its sender gets to read the answer.
DRAINED = 3 * LIMIT
_PIECE = 64 * 1024


class InMemoryUpload(FileUploadHandler):
    """Keeps the field `image` in memory whatever its size, and passes over all other files.

    Django's own handler writes files beyond 2.5 MB to a temporary folder.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != FIELD:
            raise SkipFile
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > LIMIT:
            raise too_large()
        self._kept.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        if self.field_name != FIELD:
            return None
        self._kept.seek(0)
        return InMemoryUploadedFile(
            self._kept, self.field_name, self.file_name, self.content_type, file_size, self.charset
        )


def picture_of(request: HttpRequest) -> bytes:
    """The bytes of the picture: the form's field `image`, or the whole body where its type is image/….

    Raises RequestRefused.
    """
    length = _length_of(request)
    is_form = request.content_type == "multipart/form-data"
    is_picture = (request.content_type or "").startswith("image/")
    if not is_form and not is_picture:
        message = "Send the picture as the field “image” of a form (multipart/form-data), or as a body of type image/…."
        raise RequestRefused(Refusal.UNSUPPORTED, message)
    if length > LIMIT + (FORM_OVERHEAD if is_form else 0):
        raise too_large()
    return _from_form(request) if is_form else _from_body(request, length)


def drain(request: HttpRequest) -> None:
    """Read what is left of a refused request's body: a connection closed on it would lose the answer on its way."""
    left = DRAINED
    try:
        while left > 0:
            piece = request.read(_PIECE)
            if not piece:
                return
            left -= len(piece)
    except (UnreadablePostError, ValueError):  # the sender has gone, or the form's parser has read and closed it
        return


def too_large() -> RequestRefused:
    return RequestRefused(Refusal.TOO_LARGE, f"A picture may have at most {LIMIT // (1024 * 1024)} MB.")


def _length_of(request: HttpRequest) -> int:
    length = request.headers.get("Content-Length", "")
    if not length.isdigit():
        raise RequestRefused(Refusal.LENGTH_REQUIRED, "Send the body's size in the header Content-Length.")
    return int(length)


def _from_body(request: HttpRequest, length: int) -> bytes:
    try:
        data = request.read(length)
    except UnreadablePostError as error:
        raise RequestRefused(Refusal.MALFORMED, "The connection broke off within the picture.") from error
    if len(data) < length:
        raise RequestRefused(Refusal.MALFORMED, "The body is shorter than its Content-Length says.")
    return data


def _from_form(request: HttpRequest) -> bytes:
    request.upload_handlers = [InMemoryUpload(request)]
    try:
        files = request.FILES.getlist(FIELD)
    except (MultiPartParserError, BadRequest, SuspiciousOperation, UnreadablePostError) as error:
        raise RequestRefused(Refusal.MALFORMED, "The form can't be read.") from error
    if len(files) != 1:
        message = f"The form needs one file in its field “{FIELD}”; it has {len(files)}."
        raise RequestRefused(Refusal.IMAGE_MISSING, message)
    return bytes(files[0].read())
