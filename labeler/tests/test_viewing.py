"""What a page tells of how an image was seen, and what of that is stored."""

from __future__ import annotations

import json

import pytest

from labeler.answer_messages import VIEWING, read_delivery
from labeler.models import Membership
from labeler.tests.factories import message, signed_in, start


def told(viewing: dict[str, object]) -> dict[str, float]:
    body = {"answers": [message("token", viewing=viewing)], "rater": "R01"}
    return dict(read_delivery(json.dumps(body).encode()).answers[0].viewing)


def test_what_makes_sense_is_taken_whole() -> None:
    sane = {
        "screen_width": 3840,
        "screen_height": 2160,
        "window_width": 1920,
        "window_height": 970,
        "image_width": 653,
        "image_height": 871,
        "pixel_ratio": 2.625,
        "zoom": 1.56,
        "brightness": 120,
        "contrast": 90,
    }
    assert set(sane) == set(VIEWING)
    assert told(dict(sane)) == sane


@pytest.mark.parametrize(
    ("name", "number"),
    [("zoom", 0.5), ("zoom", 1e6), ("screen_width", 0), ("brightness", -20), ("contrast", 1e9), ("pixel_ratio", 0)],
)
def test_a_number_that_makes_none_is_left_out_and_keeps_no_grade_from_being_taken(name: str, number: float) -> None:
    assert told({name: number, "window_width": 1280}) == {"window_width": 1280}


@pytest.mark.django_db
def test_it_lies_with_the_grade(bob_rates: Membership) -> None:
    item, *_ = start(bob_rates, 2)
    client = signed_in(bob_rates.user)  # type: ignore[arg-type]
    client.get(f"/studies/{bob_rates.study_id}/label/")
    body = {"answers": [message(item.token, viewing={"zoom": 2.5, "contrast": 110})], "rater": "R01"}
    client.post(f"/studies/{bob_rates.study_id}/label/answers", json.dumps(body), content_type="application/json")
    assert item.labels.get().viewing == {"zoom": 2.5, "contrast": 110}
