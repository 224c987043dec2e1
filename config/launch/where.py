"""Where the site listens."""

import errno
import os
import socket
from dataclasses import dataclass

from config.launch.problem import Problem

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True)
class Where:
    """A host and a port of this machine."""

    host: str
    port: int

    @property
    def address(self) -> str:
        """What to type into a browser; by the machine's name where others may come."""
        return f"http://{_bracketed(socket.gethostname() if self.host in _EVERYWHERE else self.host)}:{self.port}"

    @property
    def allowed(self) -> str:
        """The names by which the site lets itself be called."""
        names = {"127.0.0.1", "localhost", "[::1]", socket.gethostname(), _bracketed(self.host)}
        return ",".join(sorted(names - set(_EVERYWHERE) - {"[::]"}))

    @property
    def bind(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    def refuse_if_taken(self) -> None:
        """Raise Problem when the site could not listen there."""
        try:
            family, kind, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            reason = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
            hint = f"choose another, as in `make run PORT={self.port + 1}`"
            raise Problem(f"port {self.port} of {self.host} can't be used ({reason}): {hint}") from error

    def answers(self) -> bool:
        """Whether a site answers there."""
        try:
            with socket.create_connection((_EVERYWHERE.get(self.host, self.host), self.port), timeout=10) as client:
                client.sendall(b"GET /preparation.json HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return client.recv(12).startswith(b"HTTP/1.")
        except OSError:
            return False


def scoring_place(site: Where) -> Where:
    """Where the scoring process listens: SCORING_PORT, or the first free port after the site's."""
    asked = os.environ.get("SCORING_PORT")
    if asked:
        place = Where(site.host, port_number("SCORING_PORT", asked))
        place.refuse_if_taken()
        return place
    for port in range(site.port + 1, min(site.port + 21, 65536)):
        try:
            Where(site.host, port).refuse_if_taken()
        except Problem:
            continue
        return Where(site.host, port)
    raise Problem(f"none of the twenty ports after {site.port} is free for the scoring process: set SCORING_PORT")


def port_number(name: str, text: str) -> int:
    """Raises Problem for what is no port."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Problem(f"{name}={text} is no port: give a number from 1 to 65535")
    return int(text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
