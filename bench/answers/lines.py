"""Many keep-alive connections in one thread, each with a conversation: a generator of requests that is sent answers.

It does as little as it can, as it runs on the cores of what it measures.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Generator, Sequence

Conversation = Generator[bytes, bytes, None]
_BUFFER = bytearray(1 << 18)
_VIEW = memoryview(_BUFFER)


class Unexpected(Exception):
    """The server answered with another status than 200; its first bytes."""


class Line:
    """One connection, and what is under way on it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._request = b""
        self._head = b""
        self._parts: list[bytes] = []
        self._missing = -1  # bytes of the body; -1 while the headers are not complete
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        self._request, self._head, self._parts, self._missing = request, b"", [], -1
        self.socket.send(request)

    def ask_again(self) -> None:
        self.socket.close()
        self.connect()
        self.ask(self._request)

    def read(self) -> bytes | None:
        """The answer's body when it is complete. Raises ConnectionResetError where the server let the line go."""
        count = self.socket.recv_into(_BUFFER)
        if not count:
            raise ConnectionResetError
        got = bytes(_VIEW[:count])
        if self._missing < 0:
            self._head += got
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return None
            if not self._head.startswith(b"HTTP/1.1 200"):
                raise Unexpected(self._head[:1000].decode(errors="replace"))
            at = self._head.index(b"Content-Length: ") + 16
            self._missing = int(self._head[at : self._head.index(b"\r", at)])
            got = self._head[end + 4 :]
        self._parts.append(got)
        self._missing -= len(got)
        if self._missing:
            return None
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


def talk(lines: Sequence[Line], conversations: Sequence[Conversation]) -> int:
    """Hold all these conversations at once, to their ends; how often a connection had to be made again."""
    poll, there, again = select.epoll(), {}, 0
    for line, one in zip(lines, conversations, strict=True):
        first = next(one, None)
        if first is not None:
            there[line.socket.fileno()] = (line, one)
            poll.register(line.socket, select.EPOLLIN)
            line.ask(first)
    while there:
        for number, _ in poll.poll():
            line, one = there[number]
            try:
                whole = line.read()
                if whole is not None:
                    line.ask(one.send(whole))
            except StopIteration:
                poll.unregister(number)
                del there[number]
            except (ConnectionResetError, BrokenPipeError):
                # The site lets an idle line go, and a browser comes again.
                again += 1
                poll.unregister(number)
                del there[number]
                line.ask_again()
                there[line.socket.fileno()] = (line, one)
                poll.register(line.socket, select.EPOLLIN)
    poll.close()
    return again
