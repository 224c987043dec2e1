"""Sign-in with Microsoft Entra ID: the authorization code flow, run by MSAL. Nothing else imports msal.

MSAL makes and checks the state, the PKCE verifier and the nonce. It leaves the ID token's validation to the
application, so that is done here: signature, issuer, audience and expiry, and that it names the one pinned tenant.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

import jwt
import msal
import requests
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.users import EntraIdentity

TIMEOUT_SECONDS = 10
CLOCK_SKEW_SECONDS = 120
# Email and name; MSAL adds openid, profile and offline_access itself.
SCOPES = ["email"]
logger = logging.getLogger(__name__)


class EntraError(Exception):
    """A sign-in that did not happen; the text is for the person who tried."""

    status = 403


class EntraRefused(EntraError):
    """Entra ID, the person, or a check of ours said no."""


class EntraUnreachable(EntraError):
    """Entra ID can't be asked: the network, or this site's settings for it."""

    status = 503

    def __init__(self) -> None:
        super().__init__(_("Microsoft Entra ID can’t be reached at the moment. Please try again in a few minutes."))


def begin(redirect_uri: str) -> dict[str, Any]:
    """MSAL's flow, to be kept in the session; `auth_uri` is where the browser goes next. Raises EntraUnreachable."""
    flow: dict[str, Any] = _application().initiate_auth_code_flow(SCOPES, redirect_uri=redirect_uri)
    return flow


def finish(flow: dict[str, Any], response: dict[str, str]) -> EntraIdentity:
    """Turn what the browser brought back into a checked identity.

    `flow` is what `begin` returned, used once. Raises EntraRefused or EntraUnreachable.
    """
    application = _application()
    try:
        result = application.acquire_token_by_auth_code_flow(flow, response)
    except requests.RequestException as error:
        raise _unreachable(error) from error
    except (ValueError, RuntimeError) as error:  # MSAL's words for a wrong state, and for a wrong nonce
        logger.warning("Entra sign-in refused: %s", error)
        refused = _("This sign-in doesn’t belong to this browser, or was used already. Start again.")
        raise EntraRefused(refused) from error
    if "error" in result:
        raise _refused_by_entra(result)
    return _identity(_checked_claims(result.get("id_token", "")))


def _application() -> msal.ConfidentialClientApplication:
    """A fresh one for each step, so that nobody's tokens stay in memory."""
    try:
        return msal.ConfidentialClientApplication(
            settings.ENTRA_CLIENT_ID,
            client_credential=settings.ENTRA_CLIENT_SECRET,
            authority=_authority(),
            # The authority is a setting of ours, so there is no need to ask Microsoft whether it is one.
            instance_discovery=False,
            timeout=TIMEOUT_SECONDS,
        )
    except (requests.RequestException, ValueError, RuntimeError) as error:
        raise _unreachable(error) from error


def _authority() -> str:
    return f"{settings.ENTRA_AUTHORITY.rstrip('/')}/{settings.ENTRA_TENANT_ID}"


def _unreachable(error: Exception) -> EntraUnreachable:
    logger.error("Entra ID can't be reached: %s", error)
    return EntraUnreachable()


def _refused_by_entra(result: dict[str, Any]) -> EntraRefused:
    logger.warning("Entra sign-in refused: %s: %s", result["error"], result.get("error_description", ""))
    if result["error"] == "access_denied":
        return EntraRefused(_("The sign-in was cancelled, or access to Goldfold was not granted."))
    return EntraRefused(_("Microsoft Entra ID refused the sign-in ({code}).").format(code=result["error"]))


def _checked_claims(id_token: str) -> dict[str, Any]:
    """The ID token's claims, once signature, issuer, audience and expiry hold."""
    try:
        configuration = _get_json(f"{_authority()}/v2.0/.well-known/openid-configuration")
        keys = jwt.PyJWKSet.from_dict(_get_json(configuration["jwks_uri"]))
        key = keys[jwt.get_unverified_header(id_token).get("kid", "")]
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=["RS256"],
            audience=settings.ENTRA_CLIENT_ID,
            issuer=configuration["issuer"],
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )
    except requests.RequestException as error:
        raise _unreachable(error) from error
    except (jwt.PyJWTError, KeyError) as error:
        logger.warning("Entra ID token refused: %r", error)
        raise EntraRefused(_("What Microsoft Entra ID answered could not be verified.")) from error
    return claims


def _get_json(url: str) -> dict[str, Any]:
    response = requests.get(url, timeout=TIMEOUT_SECONDS)
    response.raise_for_status()
    content: dict[str, Any] = response.json()
    return content


def _identity(claims: dict[str, Any]) -> EntraIdentity:
    try:
        tenant_id, object_id = uuid.UUID(claims["tid"]), uuid.UUID(claims["oid"])
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        logger.warning("Entra ID token without a tenant or object id")
        raise EntraRefused(_("Microsoft Entra ID did not say who you are.")) from error
    if tenant_id != uuid.UUID(settings.ENTRA_TENANT_ID):
        logger.warning("Entra sign-in from tenant %s refused", tenant_id)
        raise EntraRefused(_("Your account belongs to another organisation than this site is for."))
    email = claims.get("email") or claims.get("preferred_username") or ""
    return EntraIdentity(tenant_id, object_id, email=str(email), name=str(claims.get("name") or ""))
