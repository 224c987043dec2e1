"""The embedded Redis (or Valkey, which speaks the same): broker, cache and sessions."""

import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from config.embedded import Layout
from config.launch.owner import Owner
from config.launch.postgres import last_words
from config.launch.problem import Problem
from config.launch.programs import family

READY_WITHIN = 30.0  # seconds


@dataclass(frozen=True)
class Redis:
    """One server's program, data, socket and owner."""

    program: Path
    layout: Layout
    owner: Owner
    throw_away: bool = False

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server and return when it answers.

        Should it refuse its own data, they are set aside and it starts empty: it holds only what can be made again
        (the jobs are rows in PostgreSQL), and who was signed in.
        """
        data = self.layout.redis_data / family(self.program)
        self.owner.own(self.layout.redis_data)
        self.owner.own(data)
        process = self._spawn(data)
        if self._answers(process):
            return process
        if process.poll() is None:
            process.kill()
            raise Problem(f"Redis was not ready within {READY_WITHIN:.0f} s; see {self._log}")
        words = last_words(self._log)
        if not any(data.iterdir()):
            raise Problem(f"Redis did not start; its last words: {words}")
        data.rename(data.with_name(f"{data.name}.broken-{int(time.time())}"))
        self.owner.own(data)
        process = self._spawn(data)
        if not self._answers(process):
            raise Problem(f"Redis did not start; its last words: {words}")
        return process

    def _spawn(self, data: Path) -> "subprocess.Popen[bytes]":
        self.layout.redis_socket.unlink(missing_ok=True)
        append = "no" if self.throw_away else "yes"
        return self.owner.spawn(
            [
                self.program,
                *("--port", "0", "--unixsocket", self.layout.redis_socket, "--unixsocketperm", "700"),
                *("--dir", data, "--appendonly", append, "--save", "", "--databases", "64", "--daemonize", "no"),
            ],
            log=self._log,
            folder=data,
            stop=signal.SIGTERM,
        )

    def _answers(self, process: "subprocess.Popen[bytes]") -> bool:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and process.poll() is None:
            if ping(self.layout.redis_socket):
                return True
            time.sleep(0.02)
        return False

    @property
    def _log(self) -> Path:
        return self.layout.logs / "redis.log"


def ping(path: Path) -> bool:
    """Whether a Redis server answers at this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
