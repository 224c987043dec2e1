"""What the labelling bench measures with: connections that talk, and processor time that is all counted."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from bench.answers import processor
from bench.answers.lines import Conversation, Line, Unexpected, talk
from bench.answers.page import colour
from bench.answers.pictures import selfie
from bench.answers.raters import NotTaken, SiteRater
from bench.plans import compared
from mlcore.images import decode, render

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


class _Echo(BaseHTTPRequestHandler):
    """Answers with its path, `/large` with much more; `/close` lets the connection go behind it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"x" * 300_000 if self.path == "/large" else self.path.encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path == "/close"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Generator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def _asking(paths: list[str], heard: list[bytes]) -> Conversation:
    for path in paths:
        heard.append((yield f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()))


def test_conversations_go_on_side_by_side_each_in_its_order(port: int) -> None:
    asked = [[f"/{line}/{number}" for number in range(20)] for line in range(5)]
    heard: list[list[bytes]] = [[] for _ in asked]
    lines = [Line(port) for _ in asked]
    assert talk(lines, [_asking(one, there) for one, there in zip(asked, heard, strict=True)]) == 0
    assert [[one.decode() for one in there] for there in heard] == asked


def test_a_large_answer_is_read_whole_and_a_connection_that_was_let_go_is_made_again(port: int) -> None:
    heard: list[bytes] = []
    assert talk([Line(port)], [_asking(["/large", "/close", "/after"], heard)]) == 1
    assert [len(heard[0]), *heard[1:]] == [300_000, b"/close", b"/after"]


def test_an_answer_that_is_no_success_ends_the_bench(port: int) -> None:
    with pytest.raises(Unexpected, match="404"):
        talk([Line(port)], [_asking(["/missing"], [])])


def test_a_grade_that_was_not_taken_ends_the_bench() -> None:
    rater = SiteRater(1, {"session": "s", "study": 1, "code": "R01", "window_every": 5})
    begin = rater.begin()
    next(begin)
    with pytest.raises(StopIteration):
        begin.send(b'{"tokens": ["a", "b"], "csrf": "c"}')
    label = rater.one()
    next(label)
    assert b'"token": "a"' in label.send(b"\xff\xd8")
    with pytest.raises(NotTaken):
        label.send(b'{"outcomes": [{"status": "refused"}]}')


def test_processor_time_counts_living_and_dead_descendants() -> None:
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"
    program = f"{child}\n{BURN}\nprint(1, flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "1\n"
        spent = processor.seconds(process.pid)
        process.communicate("\n")
    assert 0.55 < spent < 2


def test_plans_are_compared_node_by_node_and_an_index_may_be_a_level_deeper() -> None:
    few = {"statement": "s", "nodes": ["Index Scan a"], "buffers": 4, "descents": 1}
    assert compared([few], [few | {"buffers": 5}]) == (0, 0)
    assert compared([few], [few | {"buffers": 9}]) == (0, 4)
    assert compared([few], [few | {"nodes": ["Seq Scan"]}])[0] == 1


def test_pictures_are_as_large_as_selfies_and_can_be_told_apart_by_their_middle() -> None:
    first, second = (render(decode(selfie(number))).data for number in (0, 1))
    assert 100_000 < len(first) < 150_000 and selfie(0) == selfie(0)
    assert np.abs(colour(first) - colour(second)).sum() > 0
