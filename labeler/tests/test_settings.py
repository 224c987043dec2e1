"""A study's scale, its examples and its plan: changed as a whole, until somebody has graded."""

import pytest
from django.core.exceptions import ValidationError

from accounts import audit
from accounts.models import AuditEvent
from labeler import answering, file_store, labelling
from labeler.csv_table import BadTable
from labeler.importing import add_image
from labeler.models import GoldenItem, Level, Membership, Study, StudyState
from labeler.scales import LevelChange, read_levels, set_scale, why_fixed
from labeler.studies import LevelSpec
from labeler.study_settings import Settings, Supply, change_settings, cost, costs, supply_of
from labeler.tests.drawn import jpeg
from labeler.tests.factories import grade, make_image, start


def _as_it_is(study: Study) -> list[LevelChange]:
    levels = study.levels.all()
    return [LevelChange(LevelSpec(row.value, row.name, row.description, row.key), row.pk) for row in levels]


def _with_example(study: Study, place: int = 0, number: int = 1) -> Level:
    changes = _as_it_is(study)
    changes[place] = LevelChange(changes[place].spec, changes[place].level_id, example=jpeg(number))
    set_scale(study, changes, actor=audit.SYSTEM)
    return study.levels.all()[place]


def test_levels_are_ordered_by_value_whatever_the_order_they_come_in(study: Study) -> None:
    changes = [LevelChange(LevelSpec(value, name)) for value, name in ((3, "Bad"), (0, "None"), (1.5, "Some"))]
    assert set_scale(study, changes, actor=audit.SYSTEM)
    levels = list(study.levels.all())
    assert [(level.order, level.value, level.name, level.key) for level in levels] == [
        (0, 0, "None", "0"),
        (1, 1.5, "Some", ""),
        (2, 3, "Bad", "3"),
    ]
    event = AuditEvent.objects.get(verb="study.scale_changed")
    assert event.after is not None and [level["name"] for level in event.after["levels"]] == ["None", "Some", "Bad"]


def test_values_and_names_can_be_swapped(study: Study) -> None:
    changes = _as_it_is(study)
    first, second = changes[0], changes[1]
    changes[0] = LevelChange(LevelSpec(first.spec.value, second.spec.name), first.level_id)
    changes[1] = LevelChange(LevelSpec(second.spec.value, first.spec.name), second.level_id)
    set_scale(study, changes, actor=audit.SYSTEM)
    assert [level.name for level in study.levels.all()][:2] == ["Almost clear", "Clear"]


def test_saving_what_is_there_writes_nothing(study: Study) -> None:
    before = list(study.levels.values())
    assert not set_scale(study, _as_it_is(study), actor=audit.SYSTEM)
    assert list(study.levels.values()) == before
    assert not AuditEvent.objects.filter(verb="study.scale_changed").exists()


@pytest.mark.parametrize(
    "specs, words",
    [
        ([LevelSpec(1, "One")], "at least two"),
        ([LevelSpec(1, "One"), LevelSpec(1, "Two")], "same value"),
        ([LevelSpec(1, "One"), LevelSpec(2, "One")], "same name"),
        ([LevelSpec(1, "One", key="a"), LevelSpec(2, "Two", key="A")], "same key"),
        ([LevelSpec(1, "One", key="f"), LevelSpec(2, "Two")], "key F does something else"),
        ([LevelSpec(1, "One", key="ab"), LevelSpec(2, "Two")], "no key"),
    ],
)
def test_what_makes_no_scale_is_refused(study: Study, specs: list[LevelSpec], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        set_scale(study, [LevelChange(spec) for spec in specs], actor=audit.SYSTEM)
    assert "levels" in caught.value.message_dict and study.levels.count() == 5


def test_the_scale_stays_once_labelling_began_or_somebody_has_graded(bob_rates: Membership) -> None:
    study = bob_rates.study
    assert why_fixed(study) == ""
    assignment = start(bob_rates, 1)[0]
    with pytest.raises(ValidationError, match="labelling began"):
        set_scale(study, _as_it_is(study), actor=audit.SYSTEM)
    labelling.window(bob_rates, 1)
    answering.answer(bob_rates, grade(assignment.token))
    Study.objects.filter(pk=study.pk).update(state=StudyState.DRAFT)  # as where grades came from a file
    study.refresh_from_db()
    with pytest.raises(ValidationError, match="grades on this scale"):
        set_scale(study, _as_it_is(study), actor=audit.SYSTEM)


def test_an_example_is_rendered_kept_and_removed(study: Study) -> None:
    level = _with_example(study)
    stored = file_store.read(level.example)
    assert stored[:2] == b"\xff\xd8" and b"Exif" not in stored and level.example.startswith(f"studies/{study.pk}/")
    set_scale(study, [*_as_it_is(study)[:4], LevelChange(LevelSpec(9, "Worst"))], actor=audit.SYSTEM)
    level = study.levels.all()[0]
    assert level.example and file_store.read(level.example) == stored
    changes = _as_it_is(study)
    changes[0] = LevelChange(changes[0].spec, changes[0].level_id, drop_example=True)
    set_scale(study, changes, actor=audit.SYSTEM)
    assert study.levels.all()[0].example == ""


@pytest.mark.django_db(transaction=True)
def test_the_file_of_a_removed_example_goes_unless_another_level_shows_it(study: Study) -> None:
    path = _with_example(study, 0).example
    assert _with_example(study, 1).example == path
    for place, there in ((0, True), (1, False)):
        changes = _as_it_is(study)
        changes[place] = LevelChange(changes[place].spec, changes[place].level_id, drop_example=True)
        set_scale(study, changes, actor=audit.SYSTEM)
        assert file_store.path_of(path).exists() is there


def test_every_example_that_can_not_be_taken_is_named(study: Study) -> None:
    add_image(study, "own.jpg", jpeg(3), actor=audit.SYSTEM)
    changes = [
        LevelChange(change.spec, change.level_id, example=data)
        for change, data in zip(_as_it_is(study), (jpeg(3), b"words", jpeg(4), None, None), strict=True)
    ]
    with pytest.raises(ValidationError) as caught:
        set_scale(study, changes, actor=audit.SYSTEM)
    told = caught.value.message_dict
    assert set(told) == {"example-0", "example-1"} and "own images" in told["example-0"][0]
    assert not study.levels.exclude(example="").exists()


def test_an_old_page_does_not_undo_a_newer_save(study: Study) -> None:
    old = _as_it_is(study)
    _with_example(study)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        set_scale(study, old, actor=audit.SYSTEM)
    assert study.levels.all()[0].example


def test_a_scale_is_read_from_a_table() -> None:
    data = b"value;name;description;key;example\n0;None;;;\n1,5;Some;a few;s;some.jpg\n"
    assert read_levels("scale.csv", data) == [
        (LevelSpec(0, "None"), ""),
        (LevelSpec(1.5, "Some", "a few", "s"), "some.jpg"),
    ]
    with pytest.raises(BadTable) as caught:
        read_levels("scale.csv", b"value,name\nx,One\n2,\n")
    assert [problem.row for problem in caught.value.problems] == [2, 3]


def test_settings_are_changed_in_one_write_with_what_changed_in_the_audit(study: Study) -> None:
    assert change_settings(study, Settings(" New name ", 2, 0.05), actor=audit.SYSTEM)
    study.refresh_from_db()
    assert (study.name, study.overlap, study.repeat_share) == ("New name", 2, 0.05)
    assert not change_settings(study, Settings("New name", 2, 0.05), actor=audit.SYSTEM)
    event = AuditEvent.objects.get(verb="study.settings_changed")
    assert event.before == {"name": "Acne in selfies", "overlap": 1, "repeat_share": 0}
    change_settings(study, Settings("New name", 2, 0.1), actor=audit.SYSTEM)
    last = AuditEvent.objects.filter(verb="study.settings_changed").last()
    assert last is not None and last.after == {"repeat_share": 0.1}


def test_what_is_wrong_with_settings_is_named_by_field(study: Study) -> None:
    Study.objects.create(name="Taken")
    with pytest.raises(ValidationError) as caught:
        change_settings(study, Settings("Taken", 0, 0.6), actor=audit.SYSTEM)
    assert set(caught.value.message_dict) == {"name", "overlap", "repeat_share"}


def test_a_running_study_can_be_renamed_and_keeps_its_plan(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(state=StudyState.PAUSED)
    change_settings(study, Settings("Renamed", 1, 0), actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="labelling began") as caught:
        change_settings(study, Settings("Renamed", 2, 0), actor=audit.SYSTEM)
    assert set(caught.value.message_dict) == {"overlap"}


def test_what_a_plan_costs_counts_folds_golden_set_and_repeats() -> None:
    there = Supply(training=340, golden=60, raters=11)
    one = cost(there, 1, 0.05)
    assert (one.fold, one.golden, one.again, one.queue) == (31, 60, 5, 96)
    two = cost(there, 2, 0)
    assert (two.fold, two.again, two.queue) == (62, 0, 122)


def test_costs_show_the_saved_plan_among_others(study: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    images = [make_image(study, number) for number in range(10)]
    GoldenItem.objects.create(study=study, image=images[0])
    study.golden_draw_size, study.repeat_share = 3, 0.2
    there = supply_of(study)
    assert there == Supply(training=6, golden=4, raters=2)
    plans = [(plan.overlap, plan.repeat_share) for plan in costs(study, there)]
    assert plans == [(1, 0), (1, 0.05), (1, 0.2), (2, 0), (2, 0.05)]
    assert costs(study, Supply(6, 4, 0)) == []
