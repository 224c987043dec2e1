"""The way between browser and site, on which connections are reset, stall, or break at the worst moment."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER for no seconds: closing sends a reset
LATE = 1.5  # seconds


class Trap(StrEnum):
    """What happens to the next delivery of answers."""

    LOSE = "answer lost after commit"
    CUT = "request cut in the middle"
    LATE = "answer late"


@dataclass(slots=True, eq=False)
class _Link:
    """A browser's connection and the site's, joined."""

    browser: asyncio.StreamWriter
    site: asyncio.StreamWriter
    trap: Trap | None = None
    asked: bool = False

    def reset(self) -> None:
        for writer in (self.browser, self.site):
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    # The wrapper that asyncio gives of a socket stays usable until the connection is lost.
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class Network:
    """A port that leads to the site's; its faults may be called from any thread."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self.happened: Counter[str] = Counter()
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusing = False
        self._traps: list[Trap] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._main: asyncio.Task[None] | None = None

    def refuse(self) -> None:
        """Reset what is open, and every connection that is tried."""
        self._soon(self._refuse)

    def stall(self) -> None:
        """Let nothing through, and say nothing."""
        self._soon(self._flowing.clear)

    def restore(self, *, forget: bool = False) -> None:
        """Let everything through again; `forget`: what was held up is reset instead."""
        self._soon(lambda: self._restore(forget))

    def arm(self, trap: Trap) -> None:
        self._soon(lambda: self._traps.append(trap))

    def _soon(self, action: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(action)

    def _refuse(self) -> None:
        self._refusing = True
        self.happened["connections reset"] += len(self._links)
        self.happened["requests under way that were reset"] += sum(link.asked for link in self._links)
        for link in tuple(self._links):
            link.reset()

    def _restore(self, forget: bool) -> None:
        self._refusing = False
        if forget:
            for link in tuple(self._links):
                link.reset()
        self._flowing.set()

    # --- Its thread -------------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._join(reader, writer)
        except asyncio.CancelledError:
            # The storm is over; nobody waits for this task.
            _reset(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _reset(writer)
            return
        await self._flowing.wait()
        try:
            answers, site = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            _reset(writer)
            return
        link = _Link(writer, site)
        self._links.add(link)
        try:
            await asyncio.gather(self._up(reader, link), self._down(answers, link))
        except OSError:
            link.reset()
        finally:
            self._links.discard(link)
            for one in (writer, site):
                one.close()

    async def _up(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while chunk := await reader.read(_CHUNK):
            link.asked = True
            if self._traps and _delivers(chunk):
                link.trap = self._traps.pop(0)
            await self._flowing.wait()
            if link.trap is Trap.CUT:
                link.site.write(chunk[: len(chunk) // 2])
                await link.site.drain()
                self.happened[Trap.CUT] += 1
                link.reset()
                return
            link.site.write(chunk)
            await link.site.drain()
        link.site.close()

    async def _down(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while chunk := await reader.read(_CHUNK):
            if link.trap is not None:
                trap, link.trap = link.trap, None
                # The site answers when its transaction is committed: what breaks now, it has.
                self.happened[trap] += chunk.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
                if trap is Trap.LOSE:
                    link.reset()
                    return
                await asyncio.sleep(LATE)
            await self._flowing.wait()
            link.browser.write(chunk)
            await link.browser.drain()
            link.asked = False
        link.browser.close()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await server.serve_forever()

    def run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._main = self._loop.create_task(self._serve(ready))
        try:
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        finally:
            self._loop.close()

    def stop(self) -> None:
        if self._main is not None:
            self._soon(self._main.cancel)


def _delivers(chunk: bytes) -> bool:
    """Whether a request that brings answers begins here; browsers begin each request with a write of its own."""
    return chunk.startswith(b"POST ") and b"/label/answers" in chunk[:200].split(b"\r\n", 1)[0]


@contextmanager
def network(to: int) -> Iterator[Network]:
    """A way to the site's port `to`, in a thread of its own."""
    found, ready = Network(to), threading.Event()
    thread = threading.Thread(target=found.run, args=(ready,), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield found
    finally:
        found.stop()
        thread.join()
