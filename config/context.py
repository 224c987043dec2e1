"""What every page's template gets."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "unsafe_secret_key": settings.SECRET_KEY == settings.DEFAULT_SECRET_KEY,
        "entra_on": settings.ENTRA_ON,
    }
