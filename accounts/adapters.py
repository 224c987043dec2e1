"""How allauth behaves here: accounts are made by leads and administrators, never by a visitor."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts import audit, users
from accounts.audit import Actor
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    @transaction.atomic
    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        audit.record(Actor.of(request), "user.signed_in", user)

    def set_password(self, user: User, password: str) -> None:
        """Called by the forms that change and reset a password."""
        users.set_password(user, password, actor=Actor.of(context.request))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def format_email_subject(self, subject: str) -> str:
        return f"Goldfold: {subject}"

    def get_reset_password_from_key_url(self, key: str) -> str:
        """On the site's own address, whatever host the request claimed to be for."""
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return settings.SITE_URL + path

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Who signs in through Entra ID gets no password here: it would outlive their place in the tenant."""
        if user.entra_object_id is not None:
            self.send_mail("account/email/password_is_entras", email, {"user": user, "site_url": settings.SITE_URL})
        else:
            self.send_mail("account/email/password_reset_key", email, context)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False
