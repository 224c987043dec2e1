"""The attacker on a study of seconds: it finds nothing in the product, and finds a leak that is switched on."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.servers.basehttp import WSGIRequestHandler
from pytest_django.live_server_helper import LiveServer

from accounts import audit
from accounts.models import User
from bench.attack import features, leaks
from bench.attack.browser import BrowserOfRater, SignInFailed, label
from bench.attack.classifier import Attacked, Auc, attack, interval, telling
from bench.attack.jpeg import figures
from bench.attack.pictures import picture
from bench.attack.raters import PASSWORD, email
from labeler import clusters
from labeler.assignment import assign
from labeler.importing import add_image
from labeler.models import Assignment, GoldenItem, Role, Study
from labeler.studies import add_member, create_study

RATERS, GOLDEN, FOLD = 3, 20, 20


@pytest.fixture
def attacked_study(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Study:
    # Else each answer of the tests' server waits 40 ms between its headers and its body.
    monkeypatch.setattr(WSGIRequestHandler, "disable_nagle_algorithm", True)
    study = create_study("The attacked study", actor=audit.SYSTEM, lead=None, seed=11)
    for number in range(GOLDEN + RATERS * FOLD):
        # In turns, as they come: a set apart by the order of its rows would be a leak of the test's own.
        golden = number % (RATERS + 1) == 0 and number < (RATERS + 1) * GOLDEN
        add_image(study, f"{number}.jpg", picture(number), actor=audit.SYSTEM, golden=golden)
    clusters.recluster(study, actor=audit.SYSTEM)
    for number in range(1, RATERS + 1):
        user = User.objects.create_user(email(number), PASSWORD, name=f"Rater {number}")
        add_member(study, Role.RATER, user=user, actor=audit.SYSTEM)
    assign(study, actor=audit.SYSTEM)
    return study


def attacked(live_server: LiveServer) -> Auc:
    numbers = range(1, RATERS + 1)
    port = int(live_server.url.rpartition(":")[2])
    queues = [features.of_queue(label(BrowserOfRater(port, email(one), PASSWORD), one)) for one in numbers]
    image_of = dict(Assignment.objects.values_list("token", "image_id"))
    golden = set(GoldenItem.objects.values_list("image_id", flat=True))
    images = [image_of[token] for queue in queues for token, _ in queue]
    assert len(images) == RATERS * (GOLDEN + FOLD)
    table, names = features.matrix([row for queue in queues for _, row in queue])
    assert {"image first", "answer time", "token rank", "image table db", "window.total"} <= set(names)
    rater = np.repeat(numbers, [len(queue) for queue in queues])
    return attack(
        Attacked(table, tuple(names), rater, np.array(images), np.array([image in golden for image in images])),
        groups=2,
    )


def test_the_attacker_finds_nothing_in_the_product(attacked_study: Study, live_server: LiveServer) -> None:
    found = attacked(live_server)
    assert found.low < 0.5
    assert found.value < 0.72  # with so few images chance alone reaches 0.6 now and then


def test_the_attacker_finds_a_button_that_golden_images_lack(
    attacked_study: Study, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "_replace", monkeypatch.setattr)
    leaks.switch_on("skip hidden on golden")
    assert attacked(live_server).value > 0.9


def test_who_is_not_let_in_is_told(live_server: LiveServer) -> None:
    with pytest.raises(SignInFailed):
        BrowserOfRater(int(live_server.url.rpartition(":")[2]), email(1), PASSWORD)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_interval_widens_with_images_that_are_seen_many_times(rng: np.random.Generator) -> None:
    """4,000 guesses on 4,000 images tell more than 4,000 on 40 that each got one score."""
    scores, golden = rng.random(4_000), rng.random(4_000) < 0.5
    many = interval(scores, golden, np.arange(4_000))
    few = interval(np.repeat(scores[:40], 100), np.repeat(golden[:40], 100), np.repeat(np.arange(40), 100))
    assert many.high - many.low < 0.05
    assert few.high - few.low > 0.2


@pytest.mark.parametrize(
    ("scores", "area"), [([0.1, 0.2, 0.8, 0.9], 1.0), ([0.5] * 4, 0.5), ([0.9, 0.3, 0.4, 0.8], 0.5)]
)
def test_the_area_is_the_share_of_pairs_in_the_right_order(scores: list[float], area: float) -> None:
    golden = np.array([False, False, True, True])
    assert interval(np.array(scores), golden, np.arange(4)).value == area


def test_an_image_that_was_learnt_is_not_guessed(rng: np.random.Generator) -> None:
    """What only lets an image be recognised, such as its size, is worth nothing: golden images are seen by all."""
    images, raters = 600, 3
    size = rng.random(images)
    golden = rng.random(images) < 0.3
    rows = [
        (rater, image) for rater in range(raters) for image in range(images) if golden[image] or image % raters == rater
    ]
    rater, image = np.array(rows).T
    seen = Attacked(np.c_[size[image], rng.random(len(image))], ("size", "noise"), rater, image, golden[image])
    found = attack(seen, groups=8)
    assert 0.4 < found.value < 0.6
    leaking = np.c_[size[image], golden[image] + rng.normal(0, 0.3, len(image))]
    told = Attacked(leaking, ("size", "leak"), rater, image, golden[image])
    assert attack(told, groups=8).low > 0.9
    assert telling(told, 1)[0][0] == "leak"


def test_a_jpegs_figures_tell_its_tables_and_what_follows_it() -> None:
    plain = figures(picture(1))
    padded = figures(picture(1) + bytes(500))
    assert (plain["behind"], padded["behind"]) == (0, 500)
    assert padded["scan"] == plain["scan"] and padded["table db"] == plain["table db"]
    assert figures(b"no picture") == {"bytes": 10}
