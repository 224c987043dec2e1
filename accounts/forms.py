"""allauth's forms in the words and the manner of our pages: labels that stay, no placeholder that repeats them."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth
from django.utils.translation import gettext_lazy as _

PASSWORD_HELP = _("At least 10 characters; no common password, and nothing like your name or email.")


class LoginForm(allauth.LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        _without_placeholders(self)
        self.fields["password"].label = _("Password")
        self.fields["login"].widget.attrs.update(autofocus=True, autocomplete="username")
        self.fields["remember"].label = _("Keep me signed in on this device")


class ChangePasswordForm(allauth.ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        _without_placeholders(self)
        self.fields["oldpassword"].label = _("Current password")
        _new_password(self)


class ResetPasswordForm(allauth.ResetPasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        _without_placeholders(self)


class ResetPasswordKeyForm(allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        _without_placeholders(self)
        _new_password(self)


def _new_password(form: Any) -> None:
    form.fields["password1"].label = _("New password")
    form.fields["password1"].help_text = PASSWORD_HELP
    form.fields["password2"].label = _("The same again")


def _without_placeholders(form: Any) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
