"""The heavy part's installation, shown on every page while it goes on."""

from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config.launch.preparation import Preparation


def current() -> Preparation:
    """How far it is; ready wherever no launcher installs anything."""
    if not settings.PREPARATION_FILE:
        return Preparation("ready", 100, "")
    return Preparation.read(Path(settings.PREPARATION_FILE))


def context(request: HttpRequest) -> dict[str, object]:
    """For the banner in `partials/preparation.html`; None when there is nothing to tell."""
    found = current()
    return {"preparation": None if found.state == "ready" else found}


@require_safe
def progress(request: HttpRequest) -> JsonResponse:
    """State and percent only: why an installation failed is for the terminal, not for every visitor."""
    found = asdict(current())
    return JsonResponse({"state": found["state"], "percent": found["percent"]})
