"""The way between browser and site fails as it is told to, and only then."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.storms.network import Network, Trap, network

BODY = b"x" * 1000


class Site(ThreadingHTTPServer):
    """Takes deliveries and counts those that came whole."""

    taken = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is what is tried here."""


class _Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if len(self.rfile.read(int(self.headers["Content-Length"]))) == len(BODY):
            self.server.taken += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def way(site: Site) -> Iterator[Network]:
    with network(site.server_port) as found:
        yield found


def deliver(way: Network, path: str = "/studies/1/label/answers") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", way.port, timeout=5)
    try:
        connection.request("POST", path, BODY)
        return connection.getresponse().read()
    finally:
        connection.close()


def test_all_goes_through_while_nothing_is_wrong(way: Network, site: Site) -> None:
    assert (deliver(way), site.taken) == (b"ok", 1)


def test_an_answer_is_lost_after_the_site_took_the_delivery(way: Network, site: Site) -> None:
    way.arm(Trap.LOSE)
    assert deliver(way, "/elsewhere") == b"ok"
    with pytest.raises(ConnectionResetError):
        deliver(way)
    assert (site.taken, way.happened[Trap.LOSE]) == (2, 1)
    assert deliver(way) == b"ok"


def test_a_request_is_cut_before_the_site_has_it_whole(way: Network, site: Site) -> None:
    way.arm(Trap.CUT)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        deliver(way)
    assert (site.taken, way.happened[Trap.CUT]) == (0, 1)


def test_a_late_answer_comes_all_the_same(way: Network) -> None:
    way.arm(Trap.LATE)
    began = time.monotonic()
    assert deliver(way) == b"ok"
    assert time.monotonic() - began > 1


def test_connections_are_reset_until_the_way_is_restored(way: Network, site: Site) -> None:
    way.refuse()
    with pytest.raises(ConnectionError):
        deliver(way)
    way.restore()
    assert (deliver(way), site.taken) == (b"ok", 1)


@pytest.mark.parametrize(("forget", "taken"), [(False, 1), (True, 0)])
def test_what_a_stalled_way_held_up_goes_on_or_is_lost(way: Network, site: Site, forget: bool, taken: int) -> None:
    assert deliver(way, "/first") == b"ok"
    connection = http.client.HTTPConnection("127.0.0.1", way.port, timeout=5)
    connection.connect()
    time.sleep(0.2)
    way.stall()
    time.sleep(0.1)
    connection.request("POST", "/studies/1/label/answers", BODY)
    time.sleep(0.2)
    assert site.taken == 1
    way.restore(forget=forget)
    try:
        assert (connection.getresponse().read() == b"ok") is not forget
    except ConnectionError:
        assert forget
    connection.close()
    assert site.taken == 1 + taken
