"""Setting a study up by command: the same actions as on the pages."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts import audit
from labeler import clusters
from labeler.importing import add_image
from labeler.models import GoldenItem, Membership, Study
from labeler.tests.drawn import jpeg


@pytest.fixture
def images(study: Study) -> None:
    for number in range(6):
        site = {"site": "A" if number < 4 else "B"}
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, metadata=site)
    clusters.recluster(study, actor=audit.SYSTEM)


def _run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_copy_study(study: Study, images: None, bob_rates: Membership) -> None:
    assert "“Second”, with 6 images" in _run("copy_study", study.name, "Second", "--images", "--raters")
    assert Study.objects.get(name="Second").memberships.count() == 2
    with pytest.raises(CommandError, match="already"):
        _run("copy_study", study.name, "Second")


def test_set_plan(study: Study, images: None, bob_rates: Membership, carol_rates: Membership) -> None:
    said = _run("set_plan", study.name, "--overlap", "2", "--repeats", "50")
    assert "goes to 2; 50 % is shown again" in said and "about 9 images: a fold of 6, 0 golden, 3 again" in said
    assert "goes to 2; 50 %" in _run("set_plan", study.name)
    with pytest.raises(CommandError, match="can be shown again"):
        _run("set_plan", study.name, "--repeats", "51")


def test_set_scale(study: Study, tmp_path: Path) -> None:
    assert "is now: 0 None, 2 Some." in _run("set_scale", study.name, "--level", "2; Some", "--level", "0; None")
    table = tmp_path / "scale.csv"
    table.write_text("value,name,description,example\n0,None,,\n2,Some,a few,some.jpg\n")
    with pytest.raises(CommandError, match=r"some\.jpg is not a file"):
        _run("set_scale", study.name, "--csv", str(table))
    (tmp_path / "some.jpg").write_bytes(jpeg(1))
    _run("set_scale", study.name, "--csv", str(table))
    assert study.levels.get(value=2).example and study.levels.get(value=2).description == "a few"
    _run("set_scale", study.name, "--level", "2; Some", "--level", "0; Nothing")
    assert study.levels.get(value=2).example  # that level stayed
    with pytest.raises(CommandError, match="row 2"):
        table.write_text("value,name\nx,None\n")
        _run("set_scale", study.name, "--csv", str(table))


def test_choose_golden(study: Study, images: None, tmp_path: Path) -> None:
    table = tmp_path / "golden.csv"
    table.write_text("file,golden\n1.jpg,yes\n")
    assert "1 images became golden" in _run("choose_golden", study.name, "--csv", str(table))
    assert GoldenItem.objects.get().image.names.get().name == "1.jpg"
    said = _run("choose_golden", study.name, "--draw", "3", "--stratify", "site")
    assert "site A: 2 of 3" in said and "site B: 1 of 2" in said
    study.refresh_from_db()
    assert (study.golden_draw_size, study.golden_draw_column) == (3, "site")
    for wrong in (["--draw", "6"], ["--draw", "1", "--stratify", "lens"], ["--csv", str(table), "--stratify", "site"]):
        with pytest.raises(CommandError):
            _run("choose_golden", study.name, *wrong)
