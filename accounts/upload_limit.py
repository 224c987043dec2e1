"""Who has not signed in can't fill the disk: their requests are small, or refused before a byte is read."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# A sign-in form is a few hundred bytes.
MOST_BYTES = 64 * 1024
# Has keys of its own instead of sign-ins, and a limit of its own.
API = "/api/"


class UploadLimitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API) and _size(request) > MOST_BYTES and not request.user.is_authenticated:
            return HttpResponse("Sign in first; this is too much for a form.", status=413, content_type="text/plain")
        return self.get_response(request)


def _size(request: HttpRequest) -> int:
    """Announced bytes; Django reads no more than that."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdigit() else MOST_BYTES + 1
