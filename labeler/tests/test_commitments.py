"""What a study published before anybody could look can be checked by anybody after."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from labeler import commitments, file_store, labelling
from labeler.changes import add_late_rater, withdraw_golden, withdraw_rater
from labeler.commitments import commit
from labeler.models import Assignment, Commitment, GoldenItem, Image, Study, StudyState
from labeler.studies import set_state
from labeler.tests.running import rater, raters_of, running
from labeler.verification import verify

pytestmark = pytest.mark.django_db


def _text(study: Study, number: int = 1) -> str:
    return file_store.read(Commitment.objects.get(study=study, number=number).path).decode()


def _rewrite(study: Study, number: int, old: str, new: str) -> None:
    path = file_store.path_of(Commitment.objects.get(study=study, number=number).path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _eventful() -> Study:
    """A closed study to which something happened after each step."""
    study = running(repeat_share=0.1)
    for member in raters_of(study):
        labelling.window(member, 7)
    add_late_rater(study, rater(study), actor=audit.SYSTEM)
    labelling.window(raters_of(study)[3], 5)
    withdraw_rater(raters_of(study)[0], "ill", actor=audit.SYSTEM)
    labelling.window(raters_of(study)[1], 9)
    withdraw_golden(GoldenItem.objects.filter(study=study)[0].image, "blurred", actor=audit.SYSTEM)
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)
    return study


def test_the_start_publishes_the_sha256_of_all_that_was_fixed() -> None:
    study = running(raters=2, training=(1,) * 6, golden=3)
    row = Commitment.objects.get(study=study)
    document = _text(study)
    assert row.sha256 == hashlib.sha256(document.encode()).hexdigest() and row.previous == ""
    lines = document.splitlines()
    nonce = re.fullmatch(r"nonce ([0-9a-f]{64})", lines[5])
    assert nonce is not None
    assert lines[:5] == [
        "goldfold commitment 1",
        f"study {study.pk}",
        "number 1",
        "previous -",
        "event labelling began",
    ]
    assert lines[6:11] == [f"seed {study.seed}", "overlap 1", "repeats 0.0", "sent R01 0", "sent R02 0"]
    for image in Image.objects.filter(study=study):
        digest = hashlib.sha256(f"{nonce[1]} {image.sha256}".encode()).hexdigest()
        assert f"image {image.pk} {digest} {image.cluster}" in lines
    golden = [f"golden {item.image_id}" for item in GoldenItem.objects.filter(study=study).order_by("image_id")]
    assert [line for line in lines if line.startswith("golden")] == golden
    for member in raters_of(study):
        rows = Assignment.objects.filter(membership=member).order_by("sort_key")
        orders = [f"order {member.code} {row.image_id} {row.repeat}" for row in rows]
        assert [line for line in lines if line.startswith(f"order {member.code} ")] == orders
        fold = member.folds.get().items.order_by("image_id")
        folds = [f"fold {member.code} {item.image_id}" for item in fold]
        assert [line for line in lines if line.startswith(f"fold {member.code} ")] == folds
    assert len(lines) == 11 + 9 + 3 + 6 + 12


def test_two_studies_alike_publish_unlike_hashes() -> None:
    first, second = running(), running()
    nonces = {_text(study).splitlines()[5] for study in (first, second)}
    assert len(nonces) == 2


def test_each_names_the_one_before() -> None:
    study = _eventful()
    rows = list(Commitment.objects.filter(study=study))
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == ["", *(row.sha256 for row in rows[:-1])]
    assert [row.event for row in rows] == [
        commitments.BEGAN,
        commitments.RATER_ADDED,
        commitments.RATER_WITHDRAWN,
        commitments.GOLDEN_WITHDRAWN,
        commitments.CLOSED,
    ]
    assert all(f"previous {row.previous}\n" in _text(study, row.number) for row in rows[1:])
    assert AuditEvent.objects.filter(verb="commitment.published", study_id=study.pk).count() == 5


def test_no_record_before_the_close_holds_seed_or_nonce() -> None:
    study = running(seed=987654321987654321)
    withdraw_rater(raters_of(study)[0], "ill", actor=audit.SYSTEM)
    nonce = _text(study).splitlines()[5].removeprefix("nonce ")
    kept = str(list(AuditEvent.objects.values())) + str(list(Commitment.objects.values()))
    assert "987654321987654321" not in kept and nonce not in kept


def test_a_closed_study_holds() -> None:
    found = verify(_eventful())
    assert found.holds and found.all_problems == () and len(found.commitments) == 5


def test_a_running_study_holds_whatever_was_sent_since() -> None:
    study = running()
    for member in raters_of(study):
        labelling.window(member, 20)
    assert verify(study).all_problems == ()


def test_a_study_without_a_commitment_proves_nothing(study: Study) -> None:
    found = verify(study)
    assert not found.holds and "no commitment" in found.all_problems[0]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_one_byte_changed_is_found(number: int) -> None:
    study = _eventful()
    _rewrite(study, number, "golden ", "goldem ")
    found = verify(study)
    assert not found.holds
    assert next(one.number for one in found.commitments if not one.holds) == number
    assert "its document was changed" in found.all_problems[0]


def test_a_document_that_is_gone_is_named() -> None:
    study = _eventful()
    file_store.path_of(Commitment.objects.get(study=study, number=2).path).unlink()
    assert verify(study).all_problems == ("Commitment 2: its document is not in the store.",)


def test_an_order_changed_behind_the_back_of_the_study_is_found() -> None:
    study = running()
    first, second = Assignment.objects.filter(membership=raters_of(study)[0]).order_by("sort_key")[:2]
    Assignment.objects.filter(pk=first.pk).update(sort_key=second.sort_key + 1)
    found = verify(study)
    assert all(one.holds for one in found.commitments) and not found.holds
    assert f"“order R01 {first.image_id} 0”, and the database now “order R01 {second.image_id} 0”" in found.problems[0]


def test_a_golden_image_swapped_is_found() -> None:
    study = _eventful()
    GoldenItem.objects.filter(study=study, withdrawn_at__isnull=True).order_by("pk")[0].delete()
    assert not verify(study).holds


def _forged(study: Study, change: str, to: str) -> Study:
    """A second commitment whose document was made up, published as if it were true."""
    member = raters_of(study)[0]
    labelling.window(member, 3)
    commit(study, "first", actor=audit.SYSTEM)
    last = Commitment.objects.get(study=study, number=2)
    text = _text(study, 2).replace("number 2", "number 3")
    text = re.sub(r"previous .*", f"previous {last.sha256}", text, count=1)
    forged = re.sub(change, to, text, count=1, flags=re.M).encode()
    sha256 = hashlib.sha256(forged).hexdigest()
    path = f"studies/{study.pk}/commitments/forged-{sha256}.txt"
    file_store.keep(path, forged)
    Commitment.objects.create(study=study, number=3, sha256=sha256, previous=last.sha256, event="forged", path=path)
    return study


@pytest.mark.parametrize(
    ("change", "to", "problem"),
    [
        (r"^(order R01 .*\n)(order R01 .*\n)", r"\2\1", "what R01 had been shown before has another order"),
        (r"^sent R01 3$", "sent R01 2", "what R01 had been shown before has another order"),
        (r"^golden \d+\n", "", "is no longer"),
        (r"^seed 7$", "seed 8", "the seed is another"),
        (r"^previous .*$", "previous -", "another study or number"),
    ],
)
def test_what_can_not_have_happened_between_two_documents(change: str, to: str, problem: str) -> None:
    found = verify(_forged(running(), change, to))
    assert problem in " ".join(found.commitments[2].problems)
    assert found.commitments[0].holds and found.commitments[1].holds


def test_what_is_not_shown_yet_may_move() -> None:
    found = verify(_forged(running(), r"^((?:order R01 .*\n){3})(order R01 .*\n)(order R01 .*\n)", r"\1\3\2"))
    assert found.commitments[2].holds


def test_an_image_erased_since_is_no_forgery() -> None:
    study = _eventful()
    erased = Image.objects.filter(study=study)[0]
    Image.objects.filter(pk=erased.pk).update(
        sha256=None, perceptual_hash=None, original="", erased_at=timezone.now(), erased_reason="asked"
    )
    assert verify(study).holds
    commit(study, "an image was erased", actor=audit.SYSTEM)
    assert f"image {erased.pk} erased {erased.cluster}\n" in _text(study, 6) and verify(study).holds


def _program() -> str:
    page = (Path(settings.BASE_DIR) / "docs/commitment.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    assert len([line for line in program.splitlines() if line]) <= 10
    return str(program)


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", _program()], cwd=folder, capture_output=True, text=True, check=False)


def test_the_program_in_the_document_checks_a_closed_study(tmp_path: Path) -> None:
    study = _eventful()
    published = []
    for row in Commitment.objects.filter(study=study):
        (tmp_path / f"{row.number}.txt").write_bytes(file_store.read(row.path))
        published.append(f"{row.sha256}  {row.number}.txt\n")
    (tmp_path / "published.txt").write_text("".join(published))
    good = _run(tmp_path)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    there = tmp_path / "3.txt"
    right = there.read_bytes()
    at = right.index(b"golden ") + 8
    there.write_bytes(right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :])
    assert _run(tmp_path).returncode == 1
    there.write_bytes(right)
    (tmp_path / "published.txt").write_text("".join(published[:1] + published[2:]))
    assert "3.txt" in _run(tmp_path).stderr
