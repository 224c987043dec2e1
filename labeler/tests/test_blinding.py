"""What a rater's browser gets can't tell golden images from training images.

Whoever adds a field, a header or a cookie to the labelling page finds these lists failing, and decides here, in the
open, whether it may be told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from labeler import labelling
from labeler.models import Assignment, GoldenItem, Membership
from labeler.page_words import WORDS
from labeler.prepared import Statement
from labeler.tests.factories import by_region, deal, message, signed_in, start

GIVEN = {"level_value", "flag", "comment", "unsure", "version", "regions"}
REFUSAL = {"code", "text"}
WINDOW_FIELDS = {"tokens", "answered", "total", "csrf", "rater"}
PREVIOUS_FIELDS = {"items", "token", "number", "given", "rater"} | GIVEN
ANSWER_FIELDS = {"outcomes", "client_key", "status", "version", "earlier", "refusal"} | GIVEN | REFUSAL
BOOT_FIELDS = (
    {"window", "levels", "value", "name", "key", "size", "urls", "image", "previous", "answers", "page", "sign_in"}
    | {"owner", "example"}
    | {"words", *WORDS}
    | {"reasons", "blur", "dark", "no_face", "not_acne", "other", "missing"}
    | WINDOW_FIELDS
)
SAFETY_HEADERS = {
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Vary",
}
PAGE_HEADERS = SAFETY_HEADERS | {"Content-Type", "Content-Length", "Cache-Control"}
IMAGE_HEADERS = PAGE_HEADERS | {"Content-Disposition", "ETag"}
COOKIES = {"csrftoken"}
# What differs from image to image: its size, and its token.
OWN_TO_AN_IMAGE = {"Content-Length", "ETag"}

TELLING = {"labeler_goldenitem", "labeler_fold", "labeler_folditem", "labeler_image", "labeler_imagename"}
READ = {
    "labeler_membership",
    "labeler_queue",
    "labeler_assignment",
    "labeler_rendition",
    "labeler_label",
    "labeler_level",
}
BESIDE = {"labeler_study", "accounts_user"}


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    """Six images in order, the third and the sixth golden."""
    return start(bob_rates, 6, golden_every=3)


@pytest.fixture
def client(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def base(bob_rates: Membership) -> str:
    return f"/studies/{bob_rates.study_id}/label/"


def keys(value: object) -> Iterator[str]:
    """Every field name in a JSON message, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def delivery(*answers: dict[str, object]) -> str:
    return json.dumps({"answers": answers, "rater": "R01"})


def post(client: Client, base: str, *answers: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    response = client.post(
        f"{base}answers", json.dumps({"answers": answers, "rater": "R01"}), content_type="application/json"
    )
    assert response.status_code == 200
    found: dict[str, list[dict[str, object]]] = response.json()
    return found


def test_the_messages_hold_the_listed_fields_and_no_others(client: Client, base: str, dealt: list[Assignment]) -> None:
    window = client.get(f"{base}window.json").json()
    assert set(keys(window)) == WINDOW_FIELDS
    told = post(client, base, message(dealt[0].token), message(dealt[0].token), message("unknown"))
    assert [one["status"] for one in told["outcomes"]] == ["saved", "stale", "refused"]
    assert set(keys(told)) == ANSWER_FIELDS
    assert set(keys(client.get(f"{base}previous.json").json())) == PREVIOUS_FIELDS


def test_by_region_the_messages_hold_these_and_the_parts_of_the_face(
    client: Client, base: str, bob_rates: Membership
) -> None:
    by_region(bob_rates.study)
    dealt = start(bob_rates, 6, golden_every=3)
    parts = {"forehead": {"level": None, "flag": "unseen"}, "cheeks": {"level": 1}, "chin": {"level": 2}}
    client.get(f"{base}window.json")
    twice = [message(dealt[2].token, regions=parts) for _ in range(2)]
    told = post(client, base, *twice, message(dealt[0].token))
    assert [one["status"] for one in told["outcomes"]] == ["saved", "stale", "refused"]
    assert set(keys(told)) == ANSWER_FIELDS | set(parts)
    assert set(keys(client.get(f"{base}previous.json").json())) == PREVIOUS_FIELDS | set(parts)
    # The first ones are also when the database is told of statements that come again.
    _, first, *others = [_statements(client, base, item, regions=parts) for item in (dealt[1], *dealt[3:])]
    assert others == [first] * 2


def test_the_page_tells_the_listed_fields_and_no_others(client: Client, base: str, dealt: list[Assignment]) -> None:
    page = client.get(base)
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', page.content.decode())
    assert found is not None
    boot = json.loads(found[1])
    assert set(keys(boot)) == BOOT_FIELDS
    assert {key for level in boot["levels"] for key in level} == {"value", "name", "key", "example"}
    assert boot["window"]["tokens"] == [item.token for item in dealt]


def test_the_page_says_nothing_of_what_only_the_lead_knows(client: Client, base: str, dealt: list[Assignment]) -> None:
    text = client.get(base).content.decode().lower()
    assert "golden" not in text and "fold" not in re.sub(r"goldfold", "", text) and "training" not in text
    assert all(item.image.sha256 not in text for item in dealt if item.image.sha256)


def test_headers_and_cookies_are_the_listed_ones(client: Client, base: str, dealt: list[Assignment]) -> None:
    page = client.get(base)
    window = client.get(f"{base}window.json")
    assert (set(page.headers), set(page.cookies)) == (PAGE_HEADERS, COOKIES)
    assert (set(window.headers), set(window.cookies)) == (PAGE_HEADERS, COOKIES)
    posted = client.post(
        f"{base}answers",
        json.dumps({"answers": [message(dealt[0].token)], "rater": "R01"}),
        content_type="application/json",
    )
    assert (set(posted.headers), set(posted.cookies)) == (PAGE_HEADERS, set())
    image = client.get(f"{base}i/{dealt[0].token}.jpg")
    assert (set(image.headers), set(image.cookies)) == (IMAGE_HEADERS, set())


def test_all_images_come_with_the_same_headers(client: Client, base: str, dealt: list[Assignment]) -> None:
    client.get(f"{base}window.json")
    seen = set()
    for item in dealt:
        response = client.get(f"{base}i/{item.token}.jpg")
        assert response.status_code == 200
        assert response["ETag"] == f'"{item.token}"'
        seen.add(tuple((name, value) for name, value in response.headers.items() if name not in OWN_TO_AN_IMAGE))
    assert len(seen) == 1
    headers = dict(seen.pop())
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert headers["Content-Disposition"] == 'inline; filename="image.jpg"'


def test_headers_come_in_one_order(client: Client, base: str, dealt: list[Assignment]) -> None:
    client.get(f"{base}window.json")
    for address in (f"{base}i/{{}}.jpg", f"{base}previous.json?before={{}}&size=1"):
        assert len({tuple(client.get(address.format(item.token)).headers) for item in dealt}) == 1


def test_two_who_see_the_same_picture_share_nothing_but_its_pixels(
    bob_rates: Membership, carol_rates: Membership, bob: User, carol: User, settings: LazySettings
) -> None:
    """Nor do the two times at which one of them sees it."""
    settings.SECRET_KEY = "sizes are drawn with it, so that this test is the same each time"
    (first, *_) = start(bob_rates, 2, golden_every=1)
    deal(carol_rates, [first.image])
    again = Assignment.objects.create(
        membership=bob_rates, image=first.image, rendition=first.rendition, repeat=1, sort_key=9_000
    )
    assert again.token != first.token
    sent = []
    for member, user in ((bob_rates, bob), (carol_rates, carol)):
        labelling.window(member, 5)
        for item in member.assignments.filter(image=first.image):
            address = f"/studies/{member.study_id}/label/i/{item.token}.jpg"
            sent.append((address, signed_in(user).get(address)))
    assert len(sent) == 3
    for (address, one), (other_address, other) in combinations(sent, 2):
        assert address != other_address
        assert one["ETag"] != other["ETag"]
        assert one["Content-Length"] != other["Content-Length"]
        assert hashlib.sha256(one.content).digest() != hashlib.sha256(other.content).digest()
        assert _behind(one.content)[:8] != _behind(other.content)[:8]
        assert np.array_equal(_pixels(one.content), _pixels(other.content))
    again_sent = signed_in(bob).get(sent[0][0])
    assert again_sent.content == sent[0][1].content


def test_the_size_of_what_is_sent_is_drawn_for_each_item(client: Client, base: str, dealt: list[Assignment]) -> None:
    sizes = [len(labelling._padding(f"token{number}", 100_000)) for number in range(2_000)]
    assert min(sizes) >= 1 and max(sizes) <= 25_000
    # Spread evenly: no item's size, whatever set it is in, tells of its picture's size more than another's.
    assert np.histogram(sizes, 5, (0, 25_000))[0].min() > 300
    assert max(len(labelling._padding(f"token{number}", 10)) for number in range(2_000)) > 4_000


def test_golden_and_training_images_take_the_same_statements(
    client: Client, base: str, dealt: list[Assignment]
) -> None:
    golden = set(GoldenItem.objects.values_list("image_id", flat=True))
    assert [item.image_id in golden for item in dealt] == [False, False, True, False, False, True]
    repeats = [
        Assignment.objects.create(
            membership=item.membership, image=item.image, rendition=item.rendition, repeat=1, sort_key=number * 9_000
        )
        for number, item in enumerate(dealt[1:3], start=1)
    ]
    client.get(f"{base}window.json")
    # What a connection does only once: have its statements planned.
    _statements(
        client,
        base,
        Assignment.objects.create(
            membership=dealt[0].membership, image=dealt[0].image, rendition=dealt[0].rendition, repeat=9, sort_key=1
        ),
    )
    first, *others = [_statements(client, base, item) for item in [*dealt, *repeats]]
    for statements in others:
        assert statements == first
    assert len(first) > 8


def test_no_statement_reads_a_table_that_knows_the_difference(
    client: Client, base: str, dealt: list[Assignment]
) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(base)
        _statements(client, base, dealt[2])
    spelt = [_spelt(query["sql"]) for query in captured]
    tables = {table for statement in spelt for table in re.findall(r'"((?:labeler|accounts)_\w+)"', statement)}
    assert not tables & TELLING
    assert tables == READ | BESIDE
    columns = {column for statement in spelt for column in re.findall(r'"labeler_study"\."(\w+)"', statement)}
    assert columns == {"id", "name", "state", "is_synthetic", "grade_regions", "welcome"}


def _spelt(statement: str) -> str:
    """What the server was told before to do by that name, where it is told but a name."""
    found = re.match(r"EXECUTE (\w+) ", statement)
    return Statement.by_name[found[1]].sql if found else statement


def _statements(client: Client, base: str, item: Assignment, regions: object = None) -> list[str]:
    """What the database is asked while an image is fetched, graded, looked back at and followed by a window."""
    with CaptureQueriesContext(connection) as captured:
        client.get(f"{base}i/{item.token}.jpg")
        post(client, base, message(item.token, regions=regions))
        client.get(f"{base}previous.json")
        client.get(f"{base}window.json?size=1")
    values = [re.sub(r"'(?:[^']|'')*'|\bs\d+_x\d+|\b\d+(?:\.\d+)?\b", "?", query["sql"]) for query in captured]
    return [re.sub(r"\((?:\?, )*\?\)", "(?)", statement) for statement in values]


def _end(sent: bytes) -> int:
    """Where the JPEG ends: in its scan an FF is never followed by D9."""
    return sent.index(b"\xff\xd9", sent.index(b"\xff\xda")) + 2


def _behind(sent: bytes) -> bytes:
    return sent[_end(sent) :]


def _pixels(sent: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(sent, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture
