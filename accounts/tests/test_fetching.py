"""The guarded fetch: what it opens, what it refuses, and that nobody else opens addresses."""

from __future__ import annotations

import ast
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from accounts.fetching import MOST_REDIRECTS, FetchRefused, Network, fetch, is_public, resolve
from accounts.tests.picture_host import PictureHost, breaks_off, drips, leads_to, never_ends, sent, serving

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def _host() -> Iterator[PictureHost]:
    with serving() as host:
        yield host


@pytest.fixture
def host(_host: PictureHost) -> PictureHost:
    _host.pages.clear()
    _host.asked.clear()
    return _host


def refusal(url: str, network: Network, most_bytes: int = 1000) -> str:
    with pytest.raises(FetchRefused) as caught:
        fetch(url, most_bytes=most_bytes, network=network)
    assert caught.value.remedy
    return caught.value.reason


def test_a_file_comes_as_it_is(host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # would lead nowhere
    host.pages["/a.jpg?size=1"] = b"picture"
    assert fetch(host.url("/a.jpg?size=1"), most_bytes=7, network=host.network()) == b"picture"
    path, headers = host.asked[0]
    assert path == "/a.jpg?size=1"
    assert headers["Host"] == f"pictures.example.org:{host.port}"
    assert headers["Accept-Encoding"] == "identity" and "Cookie" not in headers


REFUSED_SPELLINGS = [
    *("http://pictures.example.org/a", "ftp://pictures.example.org/a", "file:///etc/passwd", "gopher://a.example.org/"),
    *("//pictures.example.org/a", "pictures.example.org/a", "https:///a", "https:a.example.org", "https://", ""),
    *(
        "https://user@pictures.example.org/",
        "https://user:word@pictures.example.org/",
        "https://@pictures.example.org/",
    ),
    *("https://pictures.example.org:22/", "https://pictures.example.org:0/", "https://pictures.example.org:99999/"),
    *("https://pictures.example.org:x/"),
    *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://0x7f000001/"),
    *("https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.1./", "https://127.0.0.0x1/", "https://0/"),
    *("https://169.254.169.254/latest/meta-data/", "https://0xa9fea9fe/", "https://2852039166/", "https://1.1.1.1/"),
    *(
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1%25eth0]/",
    ),
    *("https://[64:ff9b::7f00:1]/", "https://[2606:4700::1111]/", "https://[::ffff:a9fe:a9fe]/", "https://[v1.a]/"),
    *("https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://pictures.example.org./"),
    *("https://１２７.０.０.１/", "https://ⓛocalhost.example.org/", "https://127。0。0。1/", "https://exаmple.org/"),
    *("https://ex ample.org/", "https://example.org\\@127.0.0.1/", "https://example.org\t/", "https://exa\nmple.org/"),
    *(
        "https://example.org/a\r\nHost: other",
        "https://%6c%6f%63alhost.example.org/",
        "https://-a.example.org/",
        "https://a..b.org/",
    ),
    *("https://under_score.example.org/", "https://" + "a" * 64 + ".org/", "https://" + "a." * 130 + "org/"),
]


@pytest.mark.parametrize("url", REFUSED_SPELLINGS, ids=ascii)
def test_what_is_no_plain_https_address_of_a_name_is_refused_unresolved(url: str) -> None:
    def resolved(host: str, port: int) -> list[object]:
        raise AssertionError(f"{host} was looked up")

    refusal(url, Network(resolve=resolved, ports=frozenset({443})))  # type: ignore[arg-type]


CLOSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.8.8", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "100.100.100.200"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "::808:808", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    *("100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
]


@pytest.mark.parametrize("address", CLOSED)
def test_a_name_that_leads_to_a_closed_address_is_refused(address: str, host: PictureHost) -> None:
    assert not is_public(ip_address(address))
    closed = Network(resolve=lambda name, port: [ip_address(address)], ports=frozenset({host.port}))
    assert "not on the public internet" in refusal(host.url("/a.jpg"), closed)
    assert host.asked == []


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111"]
)
def test_addresses_of_the_internet_are_open(address: str) -> None:
    assert is_public(ip_address(address))


def test_one_closed_address_among_open_ones_is_enough_to_refuse(host: PictureHost) -> None:
    host.pages["/a.jpg"] = b"picture"
    mixed = host.network(answers=[["127.0.0.1", "10.0.0.1"]])
    assert "not on the public internet" in refusal(host.url("/a.jpg"), mixed)


def test_a_name_is_resolved_once_so_that_it_can_not_change_its_mind(host: PictureHost) -> None:
    host.pages["/a.jpg"] = b"picture"
    rebinding = host.network(answers=[["127.0.0.1"], ["10.0.0.1"]])
    assert fetch(host.url("/a.jpg"), most_bytes=100, network=rebinding) == b"picture"


def test_the_real_network_refuses_this_machine_and_what_is_no_name() -> None:
    # The usual names of this machine have no dot; one that has one and leads here must be refused by its address.
    assert all(not is_public(address) for address in resolve("localhost", 443))
    assert "no host" in refusal("https://no-such-host.invalid/", Network(ports=frozenset({443})))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_a_few_times(host: PictureHost, status: int) -> None:
    host.pages |= {"/1": leads_to("/2", status), "/2": leads_to("3", status), "/3": leads_to(host.url("/4"), status)}
    host.pages["/4"] = b"picture"
    assert fetch(host.url("/1"), most_bytes=100, network=host.network()) == b"picture"
    assert len(host.asked) == MOST_REDIRECTS + 1
    assert all("Cookie" not in headers for _, headers in host.asked)
    host.pages["/0"] = leads_to("/1")
    assert "leads on" in refusal(host.url("/0"), host.network())


@pytest.mark.parametrize(
    "target, words",
    [
        ("http://pictures.example.org/a", "https"),
        ("https://127.0.0.1/", "no host on the internet"),
        ("https://[::ffff:169.254.169.254]/", "no host on the internet"),
        ("https://2130706433/", "no host on the internet"),
        ("file:///etc/passwd", "https"),
        ("//user@pictures.example.org/", "name or password"),
        ("", "leads on"),
    ],
)
def test_a_redirect_is_judged_as_a_typed_address_is(host: PictureHost, target: str, words: str) -> None:
    host.pages["/a.jpg"] = leads_to(target)
    assert words in refusal(host.url("/a.jpg"), host.network())


def test_a_redirect_to_a_name_of_a_private_address_is_refused(host: PictureHost) -> None:
    host.pages |= {"/a.jpg": leads_to(host.url("/b.jpg", "inside.example.org")), "/b.jpg": b"secret"}
    network = host.network(answers=[["127.0.0.1"], ["10.0.0.1"]])
    assert "inside.example.org is not on the public internet" in refusal(host.url("/a.jpg"), network)
    assert [path for path, _ in host.asked] == ["/a.jpg"]


def test_the_certificate_must_be_the_names(host: PictureHost) -> None:
    host.pages["/a.jpg"] = b"picture"
    assert "doesn't prove who it is" in refusal(host.url("/a.jpg", "other.example.org"), host.network())
    untrusting = Network(resolve=host.network().resolve, is_public=lambda address: True, ports=frozenset({host.port}))
    assert "doesn't prove who it is" in refusal(host.url("/a.jpg"), untrusting)
    assert host.asked == []


def test_size_is_bounded_by_what_comes_not_by_what_is_announced(host: PictureHost) -> None:
    host.pages |= {"/announced": b"x" * 1001, "/endless": never_ends, "/fits": b"x" * 1000}
    assert "larger" in refusal(host.url("/announced"), host.network())
    assert "larger" in refusal(host.url("/endless"), host.network())
    assert len(fetch(host.url("/fits"), most_bytes=1000, network=host.network())) == 1000


def test_time_is_bounded_however_slowly_it_comes(host: PictureHost) -> None:
    host.pages["/drip"] = drips
    began = time.monotonic()
    assert "too long" in refusal(host.url("/drip"), host.network(total_seconds=0.4))
    assert time.monotonic() - began < 1.5


def test_a_host_that_says_nothing_is_left(host: PictureHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        given = host.network(total_seconds=0.3)
        network = Network(given.resolve, given.is_public, given.tls, frozenset({port}), 0.2, 0.3)
        assert "too long" in refusal(f"https://pictures.example.org:{port}/", network)


def test_what_breaks_off_or_is_packed_or_missing_is_refused(host: PictureHost) -> None:
    host.pages |= {
        "/short": breaks_off,
        "/packed": lambda handler: sent(handler, b"\x1f\x8b", Content_Encoding="gzip"),
    }
    assert "could not be read" in refusal(host.url("/short"), host.network())
    assert "packed" in refusal(host.url("/packed"), host.network())
    assert "status 404" in refusal(host.url("/missing"), host.network())


CLIENTS = {"requests", "httpx", "aiohttp", "urllib3", "http.client", "urllib.request", "socket", "ftplib", "pycurl"}
# Sign-in talks to the identity provider that the operator set; backbones come from the addresses in torchvision.
KNOWN = {"accounts/fetching.py", "accounts/entra.py"}


def test_nobody_else_opens_addresses() -> None:
    apps = ("accounts", "jobs", "labeler", "grading", "scoring", "mlcore")
    modules = [path for app in apps for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    openers = {str(path.relative_to(ROOT)) for path in modules if CLIENTS & _imported(path)}
    assert openers == KNOWN


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names | {name.split(".")[0] for name in names}
