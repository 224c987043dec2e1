"""A copied study: what comes along, what never does, and that nothing is left of a copy that failed."""

import pytest
from django.core.exceptions import ValidationError

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from labeler import clusters, copying, file_store, golden
from labeler.assignment import assign
from labeler.clusters import recluster
from labeler.copying import copy_study
from labeler.importing import add_image
from labeler.models import (
    Assignment,
    ClusterDecision,
    DecisionKind,
    Examination,
    GoldenItem,
    GoldenSight,
    Image,
    ImageLink,
    ImageName,
    LinkKind,
    Membership,
    Role,
    Study,
    StudyState,
)
from labeler.scales import LevelChange, set_scale
from labeler.sight import has_seen
from labeler.studies import LevelSpec, add_member
from labeler.tests.drawn import jpeg


@pytest.fixture
def full(study: Study, alice: User, bob_rates: Membership, carol_rates: Membership) -> Study:
    """A study that labels: six images, of which two are of one person, two alike, one erased, one kept by the lead."""
    specs = [LevelChange(LevelSpec(1, "Fine"), example=jpeg(90)), LevelChange(LevelSpec(2, "Bad"))]
    set_scale(study, specs, actor=audit.SYSTEM)
    for number in range(6):
        person = "P1" if number < 2 else ""
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, person=person, metadata={"site": "A"})
    images = list(Image.objects.filter(study=study).order_by("pk"))
    ImageLink.objects.create(study=study, first=images[2], second=images[3], kind=LinkKind.DUPLICATE, distance=0.1)
    ClusterDecision.objects.create(study=study, kind=DecisionKind.MERGE, images=[images[3].pk, images[4].pk])
    ClusterDecision.objects.create(study=study, kind=DecisionKind.MERGE, images=[images[0].pk, images[5].pk])
    Examination.objects.create(image=images[2], faces=1, face_share=0.5, descriptor=b"d", examiner="test")
    Image.objects.filter(pk=images[4].pk).update(rejected_code="blur", rejected_reason="blurred")
    recluster(study, actor=audit.SYSTEM)
    golden.choose(study, [images[0].pk], actor=Actor(alice))
    Image.objects.filter(pk=images[5].pk).update(
        erased_at="2026-01-01T00:00Z", erased_reason="asked", sha256=None, perceptual_hash=None, original=""
    )
    Study.objects.filter(pk=study.pk).update(
        overlap=2, repeat_share=0.1, prescreen={"least_side": 70}, golden_draw_size=0
    )
    study.refresh_from_db()
    assign(study, actor=audit.SYSTEM)
    return study


def _shape(study: Study) -> list[object]:
    """All that a copy must keep of the images, without any number of a row."""
    names = ImageName.objects.filter(study=study, image__erased_at__isnull=True).order_by("name")
    first = {name.image_id: name.name for name in names}
    rows: list[object] = []
    for name in names.select_related("image__person", "image__rendition"):
        image = name.image
        fields = (image.sha256, image.perceptual_hash, image.quality, image.rejected_reason, name.metadata, name.repeat)
        person = image.person.external_id if image.person else ""
        mates = Image.objects.filter(study=study, cluster=image.cluster, erased_at__isnull=True)
        seen = Examination.objects.filter(image=image).values_list("faces", "face_share", "examiner").first()
        rows.append((name.name, *fields, person, sorted(first[mate.pk] for mate in mates), seen))
        rows.append((file_store.read(image.original), file_store.read(image.rendition.path)))
    links = ImageLink.objects.filter(study=study, first__in=first, second__in=first)
    rows += [(first[link.first_id], first[link.second_id], link.kind, link.distance) for link in links]
    decisions = ClusterDecision.objects.filter(study=study)
    rows += [[first[pk] for pk in word.images] for word in decisions if set(word.images) <= set(first)]
    return rows


def test_settings_scale_and_leads_always_come_along(full: Study, alice: User) -> None:
    copy = copy_study(full, " Second ", actor=Actor(alice))
    assert (copy.name, copy.overlap, copy.repeat_share, copy.prescreen) == ("Second", 2, 0.1, {"least_side": 70})
    assert [(level.value, level.name) for level in copy.levels.all()] == [(1, "Fine"), (2, "Bad")]
    example = copy.levels.all()[0].example
    assert example.startswith(f"studies/{copy.pk}/")
    assert file_store.read(example) == file_store.read(full.levels.all()[0].example)
    assert [seat.user for seat in copy.memberships.all()] == [alice]
    assert not copy.images.exists()
    event = AuditEvent.objects.get(verb="study.copied")
    assert event.study_id == copy.pk and event.after == {"from": full.pk, "images": 0, "raters": 0}


def test_images_come_along_with_all_that_is_known_of_them(full: Study) -> None:
    copy = copy_study(full, "Second", actor=audit.SYSTEM, images=True)
    assert _shape(copy) == _shape(full) and len(_shape(copy)) == 12
    assert clusters.not_searched(copy) == 0
    assert recluster(copy, actor=audit.SYSTEM) == 2  # what was found says the same as what was copied
    old, new = (Image.objects.get(study=study, names__name="2.jpg") for study in (full, copy))
    assert old.rendition.path.rpartition("/")[2] != new.rendition.path.rpartition("/")[2]
    same = file_store.path_of(old.original), file_store.path_of(new.original)
    assert same[0].samefile(same[1])  # once on the disk


def test_what_nobody_searched_stays_to_be_searched(study: Study) -> None:
    add_image(study, "0.jpg", jpeg(0), actor=audit.SYSTEM)
    assert clusters.not_searched(copy_study(study, "Second", actor=audit.SYSTEM, images=True)) == 1


def test_nothing_drawn_or_graded_ever_comes_along(full: Study, alice: User) -> None:
    copy = copy_study(full, "Second", actor=audit.SYSTEM, images=True, raters=True)
    assert copy.seed != full.seed and copy.state == StudyState.DRAFT and copy.started_at is None
    assert not GoldenItem.objects.filter(study=copy).exists() and not copy.folds.exists()
    assert not Assignment.objects.filter(membership__study=copy).exists()
    assert not GoldenSight.objects.filter(study=copy).exists()
    assert has_seen(full, alice) and not has_seen(copy, alice)
    add_member(copy, Role.RATER, user=alice, actor=audit.SYSTEM)  # the copy's golden set is another


def test_active_raters_come_along_where_asked(full: Study, bob: User, carol: User) -> None:
    add_member(full, Role.RATER, external_name="panel of 2018", actor=audit.SYSTEM)
    Membership.objects.filter(user=carol).update(state="withdrawn")
    copy = copy_study(full, "Second", actor=audit.SYSTEM, raters=True)
    assert [(seat.code, seat.user) for seat in copy.memberships.filter(role=Role.RATER)] == [("R01", bob)]


def test_a_copy_can_begin_by_itself(full: Study) -> None:
    copy = copy_study(full, "Second", actor=audit.SYSTEM, images=True, raters=True)
    golden.plan_draw(copy, 2, "", actor=audit.SYSTEM)
    assert len(assign(copy, actor=audit.SYSTEM)) == 2


@pytest.mark.parametrize("name, words", [("  ", "needs a name"), ("Acne in selfies", "already"), ("x" * 121, "longer")])
def test_a_copy_needs_a_name_of_its_own(study: Study, name: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        copy_study(study, name, actor=audit.SYSTEM)
    assert "name" in caught.value.message_dict and Study.objects.count() == 1


def test_a_copy_that_fails_leaves_no_files(full: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    before = set(file_store.path_of("studies").iterdir())
    monkeypatch.setattr(copying, "_copy_decisions", fail)
    with pytest.raises(RuntimeError):
        copy_study(full, "Second", actor=audit.SYSTEM, images=True)
    assert set(file_store.path_of("studies").iterdir()) == before and Study.objects.count() == 1
