"""Six ways to give the golden set away, each found in some labelling tool; they are switched on in the bench only.

`prepare` changes the copy of the study that is to be attacked; `switch_on` changes the product in the site's process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

from labeler import answering, file_store
from labeler.answering import Answer
from labeler.models import Assignment, GoldenItem, ImageName, Membership
from labeler.views import labelling as views
from mlcore.images import decode, render

DELAY = 0.025  # seconds
OTHER_QUALITY = 92


def prepare(name: str) -> None:
    """Change the study; the rules that forbid it sleep meanwhile."""
    steps = {
        "ids in order": _ids_in_order,
        "file name kept": _names_by_camera,
        "golden first": _golden_first,
        "golden re-encoded differently": _re_encode,
    }
    if name in steps:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        steps[name]()


def _ids_in_order() -> None:
    """Rows written golden first, and their numbers as the public token."""
    rank = "row_number() OVER (PARTITION BY a.membership_id ORDER BY g.id IS NULL, a.image_id, a.repeat)"
    _execute(
        f"UPDATE labeler_assignment t SET token = (100000 * t.membership_id + r.n)::text FROM (SELECT a.id, {rank} AS n"
        " FROM labeler_assignment a LEFT JOIN labeler_goldenitem g USING (image_id)) r WHERE r.id = t.id"
    )


def _golden_first() -> None:
    _execute(
        "UPDATE labeler_assignment SET sort_key = sort_key - 1000000000000000"
        " WHERE image_id IN (SELECT image_id FROM labeler_goldenitem)"
    )


def _names_by_camera() -> None:
    """A golden set chosen by hand often comes from one place, whose camera counts in its own way."""
    golden = GoldenItem.objects.values("image_id")
    for name in ImageName.objects.filter(image__in=golden):
        ImageName.objects.filter(pk=name.pk).update(name=f"DSC{name.pk:05d}.JPG")


def _re_encode() -> None:
    for item in GoldenItem.objects.select_related("image__rendition"):
        shown = render(decode(file_store.read(item.image.original)), quality=OTHER_QUALITY)
        path = f"studies/{item.study_id}/renditions/other/{item.image_id}.jpg"
        file_store.keep(path, shown.data)
        item.image.rendition.path = path
        item.image.rendition.save(update_fields=["path"])


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def switch_on(name: str) -> None:
    """Change the product in this process, before its addresses are read."""
    changes: dict[str, Callable[[], None]] = {
        "file name kept": _send_names,
        "skip hidden on golden": _tell_what_can_be_skipped,
        "golden answered 25 ms later": _answer_later,
    }
    if name in changes:
        changes[name]()


def _is_golden(token: str) -> bool:
    return Assignment.objects.filter(token=token, image__golden_item__isnull=False).exists()


def _send_names() -> None:
    image = views.image

    def with_name(request: HttpRequest, study_id: int, token: str) -> HttpResponse:
        response = image(request, study_id, token)
        name = ImageName.objects.filter(image__assignments__token=token).values_list("name", flat=True).first()
        response["Content-Disposition"] = f'inline; filename="{name}"'
        return response

    _replace(views, "image", with_name)


def _tell_what_can_be_skipped() -> None:
    message = views._window_message

    def with_buttons(*arguments: Any) -> dict[str, object]:
        told = message(*arguments)
        tokens = told["tokens"]
        assert isinstance(tokens, Sequence)
        return {**told, "can_skip": [not _is_golden(token) for token in tokens]}

    _replace(views, "_window_message", with_buttons)


def _answer_later() -> None:
    answer_all = answering.answer_all

    def later(membership: Membership, answers: Sequence[Answer], **options: Any) -> list[answering.Outcome]:
        time.sleep(DELAY * sum(_is_golden(answer.token) for answer in answers))
        return answer_all(membership, answers, **options)

    _replace(answering, "answer_all", later)


def _replace(module: object, name: str, function: Callable[..., object]) -> None:
    setattr(module, name, function)
