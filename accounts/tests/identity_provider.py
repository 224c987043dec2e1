"""A small identity provider on loopback, over TLS: enough of OpenID Connect for a real authorization code flow."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT = "11111111-aaaa-4bbb-8ccc-222222222222"
CLIENT_ID = "33333333-aaaa-4bbb-8ccc-444444444444"
CLIENT_SECRET = "the client's secret"
KEY_ID = "key-1"


@dataclass
class IdentityProvider:
    """Who signs in there, and how it misbehaves; tests set these between requests."""

    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "tid": TENANT,
            "oid": "55555555-aaaa-4bbb-8ccc-666666666666",
            "email": "Erika@Clinic.example",
            "name": "Erika Muster",
        }
    )
    denies: bool = False
    overrides: dict[str, Any] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    signs_with: rsa.RSAPrivateKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    url: str = ""

    def answer_get(self, address: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(address)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return _json(200, self._configuration())
        if parts.path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return _json(200, {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]})
        if parts.path == f"/{TENANT}/oauth2/v2.0/authorize":
            return 302, {"Location": f"{query['redirect_uri']}?{urlencode(self._consent(query))}"}, b""
        return _json(404, {"error": "not_found"})

    def _configuration(self) -> dict[str, str]:
        return {
            "issuer": f"{self.url}/{TENANT}/v2.0",
            "authorization_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def _consent(self, query: dict[str, str]) -> dict[str, str]:
        if self.denies:
            return {"error": "access_denied", "error_description": "the user said no", "state": query["state"]}
        code = secrets.token_urlsafe()
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def answer_token_request(self, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return _json(400, {"error": "invalid_grant", "error_description": "no such code"})
        if (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return _json(401, {"error": "invalid_client", "error_description": "wrong secret"})
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (asked["code_challenge"], asked["code_challenge_method"]) != (challenge, "S256"):
            return _json(400, {"error": "invalid_grant", "error_description": "wrong verifier"})
        tokens = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600}
        return _json(200, {**tokens, "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/{TENANT}/v2.0",
            "aud": CLIENT_ID,
            "sub": "pairwise",
            "iat": now,
            "exp": now + 3600,
            "nonce": nonce,
            **self.claims,
            **self.overrides,
        }
        return jwt.encode(claims, self.signs_with or self.key, algorithm="RS256", headers={"kid": KEY_ID})


def _json(status: int, content: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, provider: IdentityProvider, *args: Any) -> None:
        self.provider = provider
        super().__init__(*args)

    def do_GET(self) -> None:
        self._send(*self.provider.answer_get(self.path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._send(*self.provider.answer_token_request({name: values[-1] for name, values in parse_qs(body).items()}))

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """The tests' output stays quiet."""


class Server:
    """The provider behind TLS, with a certificate of its own authority, for as long as the context lasts."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.provider = IdentityProvider()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self.provider))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.provider.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
