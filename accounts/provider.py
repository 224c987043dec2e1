"""The Entra ID provider, where allauth looks for it. How it speaks with Entra is `accounts/entra.py`'s."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.providers.base import Provider
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import entra
from accounts.users import EntraIdentity

FLOW_KEY = "entra_flow"
NEXT_KEY = "entra_next"


class EntraProvider(Provider):  # type: ignore[misc]
    id = "entra"
    name = "Microsoft Entra ID"
    # Its one client is in the settings, not in allauth's table of apps.
    uses_apps = False
    supports_redirect = True

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("entra_login")

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """Send the browser to Entra ID; what must be remembered until it is back is in the session."""
        flow = entra.begin(settings.SITE_URL + reverse("entra_callback"))
        request.session[FLOW_KEY] = flow
        request.session[NEXT_KEY] = next_url
        return HttpResponseRedirect(flow["auth_uri"])

    def finish(self) -> tuple[EntraIdentity, str | None]:
        """Who came back, and where they wanted to go. The flow is taken out of the session: a replay finds none."""
        flow = self.request.session.pop(FLOW_KEY, None)
        next_url = self.request.session.pop(NEXT_KEY, None)
        if flow is None:
            raise entra.EntraRefused(_("This sign-in was used already, or took too long. Start again."))
        return entra.finish(flow, self.request.GET.dict()), next_url


provider_classes = [EntraProvider]
