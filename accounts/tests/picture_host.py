"""A host of pictures on loopback, over TLS, with the manners that a test asks for."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import trustme

from accounts.fetching import Address, Network

NAME = "pictures.example.org"
LOOPBACK = ip_address("127.0.0.1")

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class PictureHost:
    """`pages` by path; `asked` lists the path, host and headers of every request."""

    port: int
    ca: trustme.CA
    pages: dict[str, bytes | Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, name: str = NAME) -> str:
        return f"https://{name}:{self.port}{path}"

    def network(self, *, answers: Sequence[Sequence[str]] = (("127.0.0.1",),), total_seconds: float = 5) -> Network:
        """A network that takes loopback for public. The name resolves to `answers` one after the other."""
        left = list(answers)

        def resolve(host: str, port: int) -> list[Address]:
            return [ip_address(text) for text in (left.pop(0) if len(left) > 1 else left[0])]

        return Network(
            resolve=resolve,
            is_public=lambda address: address == LOOPBACK,
            tls=self._tls,
            ports=frozenset({self.port}),
            step_seconds=2,
            total_seconds=total_seconds,
        )

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context


@contextmanager
def serving(name: str = NAME) -> Iterator[PictureHost]:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append((self.path, dict(self.headers)))
            page = host.pages.get(self.path)
            if callable(page):
                page(self)
            elif page is None:
                self.send_error(404)
            else:
                sent(self, page)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host = PictureHost(server.server_address[1], ca)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sent(handler: BaseHTTPRequestHandler, body: bytes, **headers: str) -> None:
    handler.send_response(200)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def leads_to(target: str, status: int = 302) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", target)
        handler.send_header("Set-Cookie", "who=you")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever: each read is quick enough, all of them are not."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:  # the other side has hung up, as it should
        handler.close_connection = True


def never_ends(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(5_000):
            handler.wfile.write(b"x" * 65_536)
    except OSError:
        handler.close_connection = True


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)
    handler.close_connection = True
