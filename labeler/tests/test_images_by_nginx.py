"""Pictures that an nginx in front sends: the site decides who gets which, and names the file to nginx alone."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from django.conf import LazySettings
from django.http import HttpResponseBase
from django.test import Client

from accounts.models import User
from labeler import file_store, labelling
from labeler.models import Assignment, Membership
from labeler.tests.factories import signed_in, start

OWN = {"X-Accel-Redirect", "Content-Length"}


@pytest.fixture
def item(bob_rates: Membership) -> Assignment:
    (item, _) = start(bob_rates, 2)
    labelling.window(bob_rates, 1)
    return item


@pytest.fixture
def address(item: Assignment) -> str:
    return f"/studies/{item.membership.study_id}/label/i/{item.token}.jpg"


def others(response: HttpResponseBase) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.items() if name not in OWN]


def test_nginx_is_told_which_file_to_send_and_nothing_else_changes(
    address: str, item: Assignment, bob: User, settings: LazySettings
) -> None:
    client = signed_in(bob)
    streamed = client.get(address)
    settings.IMAGES_BY_NGINX = "/pictures"
    told = client.get(address)
    assert item.rendition is not None
    assert told["X-Accel-Redirect"] == f"/pictures/{item.rendition.path}"
    assert file_store.path_of(unquote(told["X-Accel-Redirect"].removeprefix("/pictures/"))).is_file()
    assert (told.status_code, told.content, others(told)) == (200, b"", others(streamed))


def test_without_it_the_picture_is_sent_by_the_site(address: str, bob: User) -> None:
    streamed = signed_in(bob).get(address)
    assert "X-Accel-Redirect" not in streamed
    assert streamed.content.startswith(b"\xff\xd8") and int(streamed["Content-Length"]) == len(streamed.content)


def test_nobody_else_and_no_browser_that_has_it_is_sent_a_file(
    address: str, item: Assignment, bob: User, carol: User, carol_rates: Membership, settings: LazySettings
) -> None:
    settings.IMAGES_BY_NGINX = "/pictures"
    for client in (Client(), signed_in(carol)):
        refused = client.get(address)
        assert refused.status_code == 404 and "X-Accel-Redirect" not in refused
    unreleased = Assignment.objects.get(released_at__isnull=True)
    assert signed_in(bob).get(address.replace(item.token, unreleased.token)).status_code == 404
    again = signed_in(bob).get(address, headers={"If-None-Match": f'"{item.token}"'})
    assert again.status_code == 304 and "X-Accel-Redirect" not in again
