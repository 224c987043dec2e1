"""What can happen to an account: each verb is one function, atomic, with its audit record."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import audit
from accounts.audit import Actor
from accounts.models import User


@dataclass(frozen=True, slots=True)
class EntraIdentity:
    """Whom Entra ID vouches for. Tenant and object id say who it is; email and name are only what they are called."""

    tenant_id: uuid.UUID
    object_id: uuid.UUID
    email: str
    name: str


class EmailTaken(Exception):
    """Somebody's account has this email already, and Entra's word for an email is no proof that it is theirs."""

    def __init__(self, identity: EntraIdentity) -> None:
        super().__init__(f"there is an account for {identity.email} already, not linked to {identity.object_id}")
        self.identity = identity


@transaction.atomic
def create_user(
    email: str, *, actor: Actor, name: str = "", password: str | None = None, is_admin: bool = False
) -> User:
    """Make an account; without a password it can't be used until one is set, through `set_password_url`.

    Raises ValidationError naming the field: an email that is none or is taken (in any case), a weak password.
    """
    user = User(email=email.strip().lower(), name=name.strip(), is_admin=is_admin)
    user.set_password(password)
    user.clean_fields()
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise ValidationError({"password": error.messages}) from error
    _insert(user)
    audit.record(actor, "user.created", user, after={"email": user.email, "name": user.name, "is_admin": is_admin})
    return user


def _insert(user: User) -> None:
    """The database alone decides whether the email is free, so two at once make one account."""
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError({"email": f"There is an account for {user.email} already."}) from error


@transaction.atomic
def invite(email: str, name: str, actor: Actor) -> tuple[User, str]:
    """Make an account without a password, and the one-time address at which its owner chooses one.

    Raises ValidationError as `create_user` does.
    """
    user = create_user(email, actor=actor, name=name)
    return user, set_password_url(user)


def set_password_url(user: User) -> str:
    """A one-time address at which this person chooses a password.

    It ends with its use, with any change of the password or a sign-in, and after `PASSWORD_RESET_TIMEOUT` seconds.
    """
    key = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    return settings.SITE_URL + path


@transaction.atomic
def set_password(user: User, password: str, *, actor: Actor) -> None:
    """Change a password. Every session that was opened with the old one ends."""
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor, "user.password_set", user)


@transaction.atomic
def deactivate_user(user: User, *, actor: Actor) -> None:
    """Close an account: no sign-in any more, and its open sessions end at their next request. Its grades stay.

    Raises ValidationError when it is closed already.
    """
    _set_active(user, False)
    audit.record(actor, "user.deactivated", user)


@transaction.atomic
def reactivate_user(user: User, *, actor: Actor) -> None:
    """Open a closed account again. Raises ValidationError when it is open already."""
    _set_active(user, True)
    audit.record(actor, "user.reactivated", user)


def _set_active(user: User, active: bool) -> None:
    if not User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active):
        raise ValidationError(f"The account of {user.email} is {'open' if active else 'closed'} already.")
    user.is_active = active


@transaction.atomic
def link_entra(user: User, tenant_id: uuid.UUID, object_id: uuid.UUID, *, actor: Actor) -> None:
    """Let this account be opened through Entra ID, and by nothing else: its password is removed.

    A person who leaves the tenant must not keep a way in beside it. Raises ValidationError when the account is
    linked already, or the identity is linked to another account.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.entra_object_id is not None:
        raise ValidationError(f"{locked.email} is linked to the Entra object {locked.entra_object_id} already.")
    other = User.objects.filter(entra_tenant_id=tenant_id, entra_object_id=object_id).first()
    if other is not None:
        raise ValidationError(f"The Entra object {object_id} is linked to {other.email} already.")
    user.entra_tenant_id, user.entra_object_id = tenant_id, object_id
    user.set_unusable_password()
    user.save(update_fields=["entra_tenant_id", "entra_object_id", "password"])
    audit.record(actor, "user.entra_linked", user, after=_ids(tenant_id, object_id))


def user_for_entra(identity: EntraIdentity, *, actor: Actor) -> User:
    """The account of an Entra identity, made at its first sign-in, then without any study.

    Raises EmailTaken when another account has that email: it is never taken over. Raises ValidationError when the
    identity brings no usable email.
    """
    user = _linked(identity)
    if user is not None:
        return user
    try:
        return _create_from_entra(identity, actor)
    except ValidationError as error:
        user = _linked(identity)  # a second tab made it a moment ago
        if user is not None:
            return user
        if User.objects.filter(email__iexact=identity.email).exists():
            raise EmailTaken(identity) from error
        raise


def _linked(identity: EntraIdentity) -> User | None:
    return User.objects.filter(entra_tenant_id=identity.tenant_id, entra_object_id=identity.object_id).first()


@transaction.atomic
def _create_from_entra(identity: EntraIdentity, actor: Actor) -> User:
    user = User(
        email=identity.email.strip().lower(),
        name=identity.name.strip()[:120],
        entra_tenant_id=identity.tenant_id,
        entra_object_id=identity.object_id,
    )
    user.set_unusable_password()
    user.clean_fields()
    _insert(user)
    after = {"email": user.email, "name": user.name, **_ids(identity.tenant_id, identity.object_id)}
    audit.record(actor, "user.created_from_entra", user, after=after)
    return user


def _ids(tenant_id: uuid.UUID, object_id: uuid.UUID) -> dict[str, str]:
    return {"entra_tenant_id": str(tenant_id), "entra_object_id": str(object_id)}
