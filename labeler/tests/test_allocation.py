"""Who has how much, in numbers and in the picture, after things happened."""

from __future__ import annotations

import pytest

from accounts import audit
from labeler import labelling
from labeler.allocation import allocation
from labeler.allocation_chart import Row, blocks
from labeler.changes import withdraw_rater
from labeler.models import Assignment, GoldenItem
from labeler.tests.running import queue_of, raters_of, running

pytestmark = pytest.mark.django_db


def test_who_dropped_out_has_what_was_sent_to_them() -> None:
    study = running(raters=3, training=(1,) * 60, golden=12, repeat_share=0.1)
    gone = raters_of(study)[0]
    labelling.window(gone, 15)
    withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    there = {load.code: load for load in allocation(study).loads}
    sent = Assignment.objects.filter(membership=gone, released_at__isnull=False)
    golden = GoldenItem.objects.filter(study=study).values("image")
    assert there["R01"].queue == 15 and "(withdrawn)" in there["R01"].who
    assert there["R01"].golden == sent.filter(image__in=golden, repeat=0).count() < 12
    for member in raters_of(study)[1:]:
        assert there[member.code].golden == 12 and there[member.code].queue == len(queue_of(member))


def test_the_picture_shows_each_raters_own_golden_images() -> None:
    rows = [Row("R01", 4, 0, 3), Row("R02", 20, 0, 12), Row("R03", 16, 0, 0)]
    golden = [block for block in blocks(rows, 12, 40) if block.start == 0.0]
    assert [(block.code, block.label) for block in golden[:2]] == [("R01", "3"), ("R02", "12")]
    assert golden[0].end == pytest.approx(golden[1].end / 4)
    assert "R03" not in {block.code for block in golden}
