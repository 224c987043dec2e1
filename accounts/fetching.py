"""The one place that opens an address which somebody typed or put into a table.

A server that fetches what it is told to can be told to fetch from its own network. So: https only, a real name only,
resolved once, every address that it resolves to public, the connection made to exactly that address with the name's
certificate checked, redirects followed by hand and judged anew, and size and time bounded while the bytes arrive.
Proxies and cookies play no part.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address

MOST_REDIRECTS: Final = 3
# Seconds for one step of the network (connecting, a read), and for one address with all its redirects.
STEP_SECONDS: Final = 15.0
TOTAL_SECONDS: Final = 120.0
_PORT: Final = 443
_CHUNK: Final = 64 * 1024
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_HEADERS: Final = {"User-Agent": "Goldfold", "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
# A name as DNS has it, whose last part begins with a letter: so no number in any spelling is a name.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?", re.ASCII)

# The special-purpose registries of IANA, as of 2025, and one address that a cloud answers on to its own machines.
_CLOSED_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",
    )
)
# Only global unicast is open, but neither what carries an IPv4 address inside (6to4, Teredo) nor what is reserved.
_OPEN_V6: Final = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


class FetchRefused(Exception):
    """An address that is not opened, or did not give what was asked. `reason` and `remedy` are for people."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, whatever network this machine stands in."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A scope (%eth0) belongs to link-local addresses only, which stay refused with it.
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))


@cache
def _trust() -> ssl.SSLContext:
    """Whom this machine trusts; read once, as it takes a while."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Network:
    """The ways out. Everything but the defaults is for tests."""

    resolve: Callable[[str, int], Sequence[Address]] = resolve
    is_public: Callable[[Address], bool] = is_public
    tls: Callable[[], ssl.SSLContext] = _trust
    ports: frozenset[int] = field(default_factory=lambda: frozenset({_PORT, *settings.FETCH_PORTS}))
    step_seconds: float = STEP_SECONDS
    total_seconds: float = TOTAL_SECONDS


def fetch(url: str, *, most_bytes: int, network: Network | None = None) -> bytes:
    """What is at an https address. Raises FetchRefused."""
    through = network or Network()
    deadline = time.monotonic() + through.total_seconds
    for _ in range(MOST_REDIRECTS + 1):
        found = _once(_checked(url, through.ports), most_bytes, through, deadline)
        if isinstance(found, bytes):
            return found
        url = urljoin(url, found.target)
    raise FetchRefused(
        f"The address leads on to others more than {MOST_REDIRECTS} times.", "Write the address that it ends at."
    )


@dataclass(frozen=True, slots=True)
class _Redirect:
    target: str


@dataclass(frozen=True, slots=True)
class _Place:
    """An address taken apart and found acceptable, as far as its spelling goes."""

    host: str
    port: int
    target: str


def _checked(url: str, ports: frozenset[int]) -> _Place:
    """Raises FetchRefused. What two programs might read differently is refused rather than understood."""
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise FetchRefused(
            "The address holds spaces, backslashes or letters that an address can't hold.",
            "Copy it from a browser's address bar, which spells such letters as %C3%A9 or xn--.",
        )
    parts = _split(url)
    if parts.scheme != "https":
        raise FetchRefused("The address doesn't begin with https://.", "Use an address that does.")
    if "@" in parts.netloc:
        raise FetchRefused("The address holds a user's name or password.", "Use an address that needs neither.")
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc or not _NAME.fullmatch(host):
        raise FetchRefused(
            "The address names no host on the internet.", "Write the host's full name, such as pictures.example.org."
        )
    port = _PORT if parts.port is None else parts.port
    if port not in ports:
        raise FetchRefused(f"The address asks for port {port}.", "Use https without a port.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Place(host, port, target)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number
    except ValueError as error:
        raise FetchRefused("It is no address.", "Write it as https://host/path.") from error
    return parts


def _once(place: _Place, most_bytes: int, network: Network, deadline: float) -> bytes | _Redirect:
    connection = _Connection(place, _public_addresses(place, network), network, deadline)
    try:
        connection.request("GET", place.target, headers=_HEADERS)
        answer = connection.getresponse()
        if answer.status in _REDIRECTS:
            return _Redirect(answer.getheader("Location") or "")
        return _body(answer, most_bytes)
    except ssl.SSLCertVerificationError as error:
        raise FetchRefused(
            f"{place.host} doesn't prove who it is: {error.verify_message or error.reason}.",
            "Ask its keeper to mend its certificate, or take the pictures from elsewhere.",
        ) from error
    except TimeoutError as error:
        raise FetchRefused(f"{place.host} took too long.", "Import again later: what is there is kept.") from error
    except (OSError, http.client.HTTPException) as error:
        raise FetchRefused(
            f"{place.host} could not be read ({type(error).__name__}).", "Import again later: what is there is kept."
        ) from error
    finally:
        connection.close()


def _public_addresses(place: _Place, network: Network) -> Sequence[Address]:
    try:
        addresses = network.resolve(place.host, place.port)
    except (OSError, UnicodeError) as error:
        raise FetchRefused(f"There is no host {place.host}.", "Mend the address.") from error
    # One closed address among open ones is refused too: the name's owner would choose by chance which is taken.
    if not addresses or not all(map(network.is_public, addresses)):
        raise FetchRefused(
            f"{place.host} is not on the public internet.",
            "Pictures inside your own network come in as files, as a zip, or from a configured source.",
        )
    return addresses


def _body(answer: http.client.HTTPResponse, most_bytes: int) -> bytes:
    if answer.status != http.client.OK:
        raise FetchRefused(f"The host answered with status {answer.status}.", "Open the address in a browser to see.")
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise FetchRefused("The host sent a packed file, unasked.", "Import the picture as a file.")
    too_large = FetchRefused(f"The file is larger than {most_bytes / 1024**2:g} MB.", "Save a smaller copy.")
    if answer.length is not None and answer.length > most_bytes:
        raise too_large
    found = bytearray()
    while chunk := answer.read1(_CHUNK):
        found += chunk
        if len(found) > most_bytes:
            raise too_large
    if answer.length:  # what was announced and didn't come
        raise http.client.IncompleteRead(b"", answer.length)
    return bytes(found)


class _TimedSocket(ssl.SSLSocket):
    """Each read waits for the step's time at most, and all of them together until the deadline."""

    deadline = 0.0
    step = 0.0

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(_left(self.deadline, self.step))
        return super().recv_into(*args, **options)


def _left(deadline: float, step: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return min(left, step)


class _Connection(http.client.HTTPConnection):
    """HTTP over TLS to one of the given addresses, under the name's certificate. Never resolves a name itself."""

    def __init__(self, place: _Place, addresses: Sequence[Address], network: Network, deadline: float) -> None:
        super().__init__(place.host, place.port)
        self.default_port = _PORT  # so that the Host header names the port only where it is another
        self._addresses = addresses
        self._network = network
        self._deadline = deadline

    def connect(self) -> None:
        plain = self._connect_any()
        try:
            context = self._network.tls()
            context.sslsocket_class = _TimedSocket
            plain.settimeout(_left(self._deadline, self._network.step_seconds))
            secure = context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        assert isinstance(secure, _TimedSocket)
        secure.deadline, secure.step = self._deadline, self._network.step_seconds
        self.sock = secure

    def _connect_any(self) -> socket.socket:
        """Raises OSError of the last address that was tried."""
        failure: OSError = OSError("no address")
        for address in self._addresses:
            try:
                seconds = _left(self._deadline, self._network.step_seconds)
                return socket.create_connection((str(address), self.port), seconds)
            except OSError as error:
                failure = error
        raise failure
