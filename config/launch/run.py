"""`make run`: everything up, in the order in which it can be used."""

import os
import signal
import subprocess
import time
from pathlib import Path
from types import FrameType

from config.embedded import layout as layout_of
from config.launch import servers, static
from config.launch.children import Child, Children
from config.launch.environment import Environment
from config.launch.heavy import HeavyPart
from config.launch.installing import Installation
from config.launch.owner import Owner
from config.launch.postgres import last_words
from config.launch.problem import Problem
from config.launch.record import Hold, Record, end_left_over
from config.launch.terminal import Terminal
from config.launch.where import Where, scoring_place

TICK = 0.1  # seconds
FIRST_ANSWER_WITHIN = 60.0  # seconds
SITE_OPTIONS = ("--workers", "2", "--threads", "4", "--preload", "--graceful-timeout", "5", "--no-control-socket")


class StopRequested(Exception):
    """Ctrl-C, or a request to end."""


class Run:
    """One run of the launcher in a clone."""

    def __init__(self, clone: Path, where: Where) -> None:
        self._clone = clone
        self._where = where
        self._layout = layout_of(clone)
        self._environment = Environment(clone)
        self._terminal = Terminal()
        self._record = Record(self._layout.home / "launch.json")
        self._scoring = where
        self._children = Children(self._terminal.say, self._write_record)
        self._heavy: HeavyPart | None = None
        self._stopping = False

    def __call__(self) -> int:
        """Run until asked to stop; the exit status."""
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, self._ask_to_stop)
        servers.make_home(self._layout.home)
        Owner().own(self._layout.logs)
        hold = Hold(self._layout.home / "launch.lock")
        if not hold.take():
            number, address = self._record.launcher()
            self._terminal.say(f"Goldfold already runs at {address} (process {number}); `make stop` ends it.")
            return 0
        try:
            self._bring_up()
            self._stay()
        except StopRequested:
            return 0
        except Problem as problem:
            if self._stopping:
                return 0
            self._terminal.say(f"Goldfold: {problem}.")
            return 1
        finally:
            self._take_down()
            hold.release()
        return 0

    # --- Up ---------------------------------------------------------------------------------------------------------

    def _bring_up(self) -> None:
        left_over = self._record.left_over()
        if left_over:
            self._terminal.say("Ending what an earlier run left behind.")
            end_left_over(left_over)
        self._write_record()
        self._where.refuse_if_taken()
        self._scoring = scoring_place(self._where)
        self._install_light()
        self._heavy = HeavyPart(self._environment, self._layout, self._terminal)
        self._start_servers()
        self._start_site()
        self._start_worker("light")
        self._start("beat", ["-m", "celery", "-A", "config", "beat", "--schedule", str(self._layout.home / "beat")], 0)
        if self._heavy.is_there:
            self._start_heavy()
        self._create_example()

    def _install_light(self) -> None:
        if self._environment.has("light"):
            return
        hold = Hold(self._layout.home / "install.lock")
        while not hold.take():
            self._terminal.progress("Waiting", 0, "another make installs")
            self._rest()
        self._environment.make()
        installation = Installation(self._environment, "light", self._layout.logs)
        try:
            while not installation.finished():
                self._rest()
                found = installation.look()
                self._terminal.progress("Installing the site", found.percent, found.doing)
        finally:
            installation.cancel()
            hold.release()
        self._terminal.say("The site is installed.")

    def _start_servers(self) -> None:
        wanted = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
        if not wanted:
            return
        pair = servers.prepare(self._layout, self._environment.packages)
        if "DATABASE_URL" in wanted:
            self._children.add(Child("postgres", pair.postgres.start, signal.SIGINT, rank=1))
        if "REDIS_URL" in wanted:
            self._children.add(Child("redis", pair.redis.start, signal.SIGTERM, rank=1))

    def _start_site(self) -> None:
        """Tables, static files and the site itself: side by side where nothing has to wait for another."""
        mark = static.mark(self._clone)
        steps = {"migrate": self._manage("migrate", "--noinput")}
        if not static.is_collected(self._clone, mark):
            # The first start, or another version: the site must find its tables and files.
            steps["collectstatic"] = self._manage("collectstatic", "--noinput", "--clear")
            self._finish(steps)
            static.note_collected(self._clone, mark)
        self._start("site", ["-m", "gunicorn", "config.wsgi", "--bind", self._where.bind, *SITE_OPTIONS], 0)
        site = self._children.all[-1]
        self._finish(steps)
        until = time.monotonic() + FIRST_ANSWER_WITHIN
        while not self._where.answers():
            self._rest()
            if not site.alive or time.monotonic() > until:
                raise Problem(f"the site did not start: {last_words(self._layout.logs / 'site.log')}")
        self._terminal.say(
            f"\n  Goldfold is at {self._where.address} (and its scoring API at {self._scoring.address}/api/v1/)\n\n"
            f"Ctrl-C stops it. Logs: {self._layout.logs}"
        )

    def _finish(self, steps: dict[str, "subprocess.Popen[bytes]"]) -> None:
        """Wait for commands that run side by side; raises Problem when one fails."""
        try:
            for name, process in steps.items():
                if self._await(process) != 0:
                    words = last_words(self._layout.logs / f"{name}.log")
                    raise Problem(f"`manage.py {name}` failed: {words} (see {self._layout.logs / name}.log)")
        finally:
            for process in steps.values():
                if process.poll() is None:
                    process.terminate()

    def _start_worker(self, queue: str) -> None:
        # Two processes, so that a long import or training holds up nothing short behind it.
        options = ["--queues", queue, "--hostname", f"{queue}@%h", "--concurrency", "2", "--loglevel", "INFO"]
        self._start(f"{queue} worker", ["-m", "celery", "-A", "config", "worker", *options], 0)

    def _start_heavy(self) -> None:
        """What needs the heavy part: the worker that trains, and the process that scores over HTTP."""
        self._start_worker("heavy")
        options = ["--workers", "1", "--worker-class", "gthread", "--threads", "4", "--timeout", "120"]
        options += ["--graceful-timeout", "5", "--no-control-socket"]
        self._start("scoring", ["-m", "gunicorn", "config.scoring_wsgi", "--bind", self._scoring.bind, *options], 0)

    def _create_example(self) -> None:
        if not any(self._clone.glob("*/management/commands/create_demo.py")):
            return
        if self._await(self._manage("create_demo")) != 0:
            self._terminal.say(
                f"The example study could not be made: {last_words(self._layout.logs / 'create_demo.log')}"
            )
            return
        self._terminal.say((self._layout.logs / "create_demo.log").read_text().strip())

    # --- While it runs ----------------------------------------------------------------------------------------------

    def _stay(self) -> None:
        while True:
            self._rest()
            self._children.watch()
            if self._heavy is not None and self._heavy.watch():
                self._start_heavy()

    # --- Down -------------------------------------------------------------------------------------------------------

    def _take_down(self) -> None:
        if self._children.all:
            self._terminal.say("Stopping …")
        if self._heavy is not None:
            self._heavy.cancel()
        self._children.stop()
        self._record.path.unlink(missing_ok=True)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _rest(self) -> None:
        time.sleep(TICK)
        if self._stopping:
            raise StopRequested

    # --- Processes --------------------------------------------------------------------------------------------------

    def _start(self, name: str, arguments: list[str], rank: int) -> None:
        log = self._layout.logs / f"{name.replace(' ', '-')}.log"
        self._children.add(Child(name, lambda: self._python(arguments, log), signal.SIGTERM, rank))

    def _python(self, arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
        command: list[str | Path] = [self._environment.python, *arguments]
        return Owner().spawn(command, log=log, folder=self._clone, stop=signal.SIGTERM, variables=self._variables())

    def _manage(self, *arguments: str) -> "subprocess.Popen[bytes]":
        log = self._layout.logs / f"{arguments[0]}.log"
        log.unlink(missing_ok=True)
        return self._python(["manage.py", *arguments], log)

    def _variables(self) -> dict[str, str]:
        given = self._environment.variables()
        defaults = {
            "SITE_URL": self._where.address,
            "SCORING_URL": self._scoring.address,
            "ALLOWED_HOSTS": self._where.allowed,
        }
        return defaults | given | {"PREPARATION_FILE": str(self._layout.home / "preparation.json")}

    def _await(self, process: "subprocess.Popen[bytes]") -> int:
        try:
            while process.poll() is None:
                self._rest()
        except StopRequested:
            process.terminate()
            process.wait()
            raise
        return process.returncode

    def _write_record(self) -> None:
        self._record.write(self._where.address, self._children.processes())
