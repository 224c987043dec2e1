"""The account page, the way in and back through Entra ID, and the page for what allauth offers and Goldfold doesn't."""

from __future__ import annotations

from allauth.account.utils import perform_login
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from accounts import entra, users
from accounts.audit import Actor
from accounts.provider import EntraProvider


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Who you are here, and how you sign in."""
    return render(request, "account/account.html")


def closed(request: HttpRequest) -> HttpResponse:
    """Where allauth would let people sign up, or change what only an administrator changes here."""
    return render(request, "account/closed.html", status=403)


@require_GET
@rate_limit(action="login", limit_get=True)  # type: ignore[untyped-decorator]
def entra_login(request: HttpRequest) -> HttpResponse:
    """Off to Entra ID. A link, not a form: a form's redirect would need Entra in the policy's form-action."""
    provider = _provider(request)
    try:
        response: HttpResponse = provider.redirect_from_request(request)
    except entra.EntraError as problem:
        return _problem(request, str(problem), problem.status)
    return response


@require_GET
def entra_callback(request: HttpRequest) -> HttpResponse:
    """Back from Entra ID: check who it is, find or make the account, sign in."""
    provider = _provider(request)
    try:
        identity, next_url = provider.finish()
        user = users.user_for_entra(identity, actor=Actor.of(request))
    except entra.EntraError as problem:
        return _problem(request, str(problem), problem.status)
    except users.EmailTaken as problem:
        return _problem(request, "", 409, taken=problem.identity)
    except ValidationError:
        return _problem(request, _("Your Microsoft account has no email address that Goldfold could use."), 403)
    response: HttpResponse = perform_login(request, user, redirect_url=next_url)
    return response


def _provider(request: HttpRequest) -> EntraProvider:
    if not settings.ENTRA_ON:
        raise Http404("sign-in with Entra ID is off")
    return EntraProvider(request)


def _problem(request: HttpRequest, message: str, status: int, taken: users.EntraIdentity | None = None) -> HttpResponse:
    return render(request, "account/entra_problem.html", {"message": message, "taken": taken}, status=status)
