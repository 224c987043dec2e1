"""Every process of a clone finds the same servers, wherever the clone lies."""

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from config.embedded import LONGEST_SOCKET, Addresses, addresses, layout


def _socket_folder(found: Addresses) -> str:
    return parse_qs(urlsplit(found.database_url).query)["host"][0]


def test_a_link_to_a_clone_leads_to_the_same_servers(tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "clone")
    assert addresses(tmp_path / "link") == addresses(tmp_path / "clone")


def test_two_clones_share_nothing(tmp_path: Path) -> None:
    one, other = addresses(tmp_path / "one"), addresses(tmp_path / "other")
    assert one.home != other.home
    assert one.database_url != other.database_url
    assert one.redis_url != other.redis_url


@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("name", ["plain", "with a space", "per%cent?and#more", "ünï", "deep/" + "er/" * 60 + "clone"])
def test_a_socket_is_reachable_from_any_path(
    user: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    found = addresses(tmp_path / name)
    redis_socket = unquote(urlsplit(found.redis_url).path)
    assert len(os.fsencode(redis_socket)) <= LONGEST_SOCKET
    assert len(os.fsencode(f"{_socket_folder(found)}/.s.PGSQL.5432.lock")) <= LONGEST_SOCKET
    assert redis_socket.isascii() and " " not in redis_socket


def test_asking_for_addresses_makes_nothing(tmp_path: Path) -> None:
    addresses(tmp_path / "clone")
    assert list(tmp_path.iterdir()) == []


def test_an_ordinary_users_data_are_in_the_clone_and_roots_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert layout(tmp_path).home == tmp_path / "var"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not layout(tmp_path).home.is_relative_to(tmp_path)
