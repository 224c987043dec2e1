"""A study from its pictures to a score, as its people do it: in a real browser, with real servers and workers."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import urllib.request
from pathlib import Path

import psycopg2
import pytest
from playwright.sync_api import Browser, expect

from mlcore.synthetic import CohortConfig, Subject, cohort, draw_face, encode_jpeg
from tests import steps
from tests.product import Product, wait_for
from tests.steps import PASSPHRASE, sign_in

STUDY, SECOND = "Whole path", "Second path"
COHORT = CohortConfig(size=32, seed=11, profile_share=0.0)
GOLDEN = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn selfies, and a table that makes the first ten golden."""
    pictures = tmp_path_factory.mktemp("pictures")
    for subject in cohort(COHORT):
        (pictures / name_of(subject)).write_bytes(encode_jpeg(draw_face(subject, COHORT)))
    with (pictures / "table.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["file", "golden", "person"])
        for subject in cohort(COHORT):
            # A person each: with so few pictures nothing may be left out for being on both sides.
            rows.writerow([name_of(subject), "yes" if subject.index < GOLDEN else "no", f"P{subject.index}"])
    return pictures


def name_of(subject: Subject) -> str:
    return f"selfie-{subject.index:02d}.jpg"


@pytest.fixture(scope="module")
def promoted(product: Product, folder: Path, chromium: Browser) -> Product:
    """The path itself, each step as its person does it, up to a promoted run."""
    for email in ("lead@example.org", "bob@example.org", "carol@example.org"):
        admin = ["--admin"] if email.startswith("lead") else []
        product.command("create_user", email, "--password-stdin", *admin, given=PASSPHRASE + "\n")
    product.start_worker("heavy")
    lead = sign_in(chromium, product, "lead@example.org")
    steps.make_study(lead, STUDY)
    steps.import_pictures(lead, folder, table=folder / "table.csv")
    steps.wait_for_search(lead)
    steps.see_figures(lead, images=COHORT.size, golden=GOLDEN, training=COHORT.size - GOLDEN)
    steps.add_raters(lead, "bob@example.org", "carol@example.org")
    steps.begin_labelling(lead)

    raters = [sign_in(chromium, product, email) for email in ("bob@example.org", "carol@example.org")]
    assert [len(steps.label(rater, STUDY)) for rater in raters] == [21, 21]

    lead.get_by_role("link", name="Results").click()
    expect(lead.get_by_text(f"{GOLDEN} of {GOLDEN} images")).to_be_visible()
    shown = lead.locator("tbody tr", has_text="R01").locator("td.number strong").inner_text()
    assert re.fullmatch(r"\d\.\d{3}", shown)

    lead.get_by_role("button", name="Train a model").click()
    expect(lead.get_by_role("heading", name="On the golden set")).to_be_visible(timeout=steps.WORK_MS)
    steps.promote(lead)
    return product


def test_a_study_goes_from_pictures_to_a_score_over_http(promoted: Product, folder: Path) -> None:
    """The score of a golden selfie is the one that the run's evaluation kept, bit for bit."""
    product = promoted
    product.start_scoring()
    with psycopg2.connect(product.environment["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute("SELECT id FROM labeler_study")
        key = product.command("create_api_key", str(cursor.fetchone()[0]), "test").strip()
        cursor.execute(
            "SELECT n.name, p.score FROM grading_prediction p JOIN labeler_imagename n ON n.image_id = p.image_id"
            " WHERE p.route = 'aligned' ORDER BY n.name LIMIT 1"
        )
        name, expected = cursor.fetchone()
    request = urllib.request.Request(
        f"http://127.0.0.1:{product.scoring_port}/api/v1/score",
        data=(folder / name).read_bytes(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    assert answer["severity"] == expected
    assert {"forehead", "left_cheek", "right_cheek", "chin"} >= {patch["region"] for patch in answer["patches"]}


def test_a_run_whose_worker_is_killed_is_taken_up_again_and_ends_once(promoted: Product) -> None:
    """The same study, trained once more with a worker that dies half-way."""
    product = promoted

    def state(column: str) -> object:
        with psycopg2.connect(product.environment["DATABASE_URL"]) as database, database.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM jobs_job WHERE kind = 'grading.train_model' ORDER BY id DESC LIMIT 1")
            return cursor.fetchone()[0]

    # Networks take long enough to be caught at work.
    product.command("train", STUDY, "--seed", "5", "--networks")
    wait_for("the run to be under way", lambda: state("state") == "running" and state("message") != "")
    product.kill("heavy")
    assert state("state") == "running"
    product.start_worker("heavy")
    wait_for("the run to end", lambda: state("state") in ("done", "failed"), seconds=300)
    assert (state("state"), state("error"), state("attempt")) == ("done", "", 2)
    with psycopg2.connect(product.environment["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute(
            "SELECT run.number, count(e.id) FROM grading_trainingrun run"
            " LEFT JOIN grading_evaluation e ON e.run_id = run.id GROUP BY run.number ORDER BY run.number"
        )
        assert cursor.fetchall() == [(1, 1), (2, 1)]


def test_a_lead_draws_previews_starts_replaces_a_drop_out_closes_and_verifies(
    promoted: Product, folder: Path, chromium: Browser
) -> None:
    """A second study on the same site, with a drawn golden set and repeats; what it committed to is checked by hand."""
    promoted.command("create_user", "dave@example.org", "--password-stdin", given=PASSPHRASE + "\n")
    lead = sign_in(chromium, promoted, "lead@example.org")
    steps.make_study(lead, SECOND)
    steps.import_pictures(lead, folder)
    lead.goto(lead.url.partition("jobs/")[0] + "images/clusters/")
    steps.wait_for_search(lead)
    steps.set_repeats(lead, percent=10)
    steps.plan_draw(lead, size=GOLDEN)
    steps.add_raters(lead, "bob@example.org", "carol@example.org")
    lead.get_by_role("link", name="Allocation").click()
    expect(lead.get_by_role("img", name=re.compile("fold", re.IGNORECASE))).to_be_visible()
    steps.begin_labelling(lead)

    bob = sign_in(chromium, promoted, "bob@example.org")
    steps.label(bob, SECOND, most=3)
    steps.drop_out(lead, "R01", reason="Fell ill")
    bob.reload()
    expect(bob.get_by_text("You no longer take part in this study.")).to_be_visible()
    steps.add_late_rater(lead, "dave@example.org")
    for email in ("carol@example.org", "dave@example.org"):
        steps.label(sign_in(chromium, promoted, email), SECOND)

    steps.close(lead)
    expect(lead.get_by_text("All 4 commitments hold")).to_be_visible()
    published = {}
    for line in lead.request.get(lead.url + "published.txt").text().splitlines():
        digest, _, name = line.partition("  ")
        published[name] = digest
    opened = {name: lead.request.get(lead.url + name).body() for name in published}
    assert sorted(opened) == ["1.txt", "2.txt", "3.txt", "4.txt"]
    assert {name: hashlib.sha256(text).hexdigest() for name, text in opened.items()} == published
    golden = [line for line in opened["1.txt"].decode().splitlines() if line.startswith("golden ")]
    assert len(golden) == GOLDEN
