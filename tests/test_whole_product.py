"""A study from its pictures to a score, as its people do it: in a real browser, with real servers and workers."""

from __future__ import annotations

import csv
import json
import re
import urllib.request
from pathlib import Path

import psycopg2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from mlcore.synthetic import CohortConfig, Subject, cohort, draw_face, encode_jpeg
from tests.product import Product, wait_for

# One worker of the test run does both, as making the study takes a while.
pytestmark = pytest.mark.xdist_group("whole product")
PASSPHRASE = "a long enough passphrase"
STUDY = "Whole path"
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


def sign_in(browser: Browser, product: Product, email: str) -> Page:
    context: BrowserContext = browser.new_context(base_url=product.address, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSPHRASE)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
    return page


@pytest.fixture(scope="module")
def promoted(product: Product, folder: Path, chromium: Browser) -> Product:
    """The path itself, each step as its person does it, up to a promoted run."""
    for email in ("lead@example.org", "bob@example.org", "carol@example.org"):
        admin = ["--admin"] if email.startswith("lead") else []
        product.command("create_user", email, "--password-stdin", *admin, given=PASSPHRASE + "\n")
    lead = sign_in(chromium, product, "lead@example.org")
    make_study(lead)
    import_pictures(lead, folder)
    add_raters(lead, "bob@example.org", "carol@example.org")
    lead.get_by_role("link", name="Overview").click()
    lead.get_by_role("link", name=re.compile("Assign")).click()
    lead.get_by_role("button", name="Assign and begin labelling").click()
    expect(lead.get_by_text("labelling", exact=True)).to_be_visible()

    grades = {
        email: label_everything(sign_in(chromium, product, email)) for email in ("bob@example.org", "carol@example.org")
    }
    assert [len(given) for given in grades.values()] == [21, 21]

    lead.get_by_role("link", name="Results").click()
    expect(lead.get_by_text(f"{GOLDEN} of {GOLDEN} images")).to_be_visible()
    shown = lead.locator("tbody tr", has_text="R01").locator("td.number strong").inner_text()
    assert re.fullmatch(r"\d\.\d{3}", shown)

    product.start_worker("heavy")
    lead.get_by_role("button", name="Train a model").click()
    expect(lead.get_by_role("heading", name="On the golden set")).to_be_visible(timeout=120_000)
    promote(lead)
    return product


def make_study(page: Page) -> None:
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Name", exact=True).fill(STUDY)
    page.get_by_role("button", name="Make the study").click()
    expect(page.get_by_role("heading", name=STUDY)).to_be_visible()


def import_pictures(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Images", exact=True).click()
    page.get_by_label("Image files").set_input_files(sorted(folder.glob("*.jpg")))
    page.get_by_label("Table").set_input_files(folder / "table.csv")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("[data-job-state]")).to_have_text("done", timeout=60_000)
    page.get_by_role("link", name="Overview").click()
    for what, number in (("images", COHORT.size), ("golden", GOLDEN), ("training", COHORT.size - GOLDEN)):
        expect(page.locator("dl.figure-row div", has_text=what)).to_contain_text(str(number))


def add_raters(page: Page, *emails: str) -> None:
    page.get_by_role("link", name="Raters", exact=True).click()
    for email in emails:
        page.get_by_label("Email").fill(email)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text(f"{email} is rater")).to_be_visible()


def label_everything(page: Page) -> str:
    """Grade by keyboard until all is done: the same few levels in turn. Returns the keys pressed."""
    page.get_by_role("link", name=re.compile("Grade images")).click()
    pressed = ""
    while not page.locator("#finished").is_visible():
        page.locator(".stage[data-painted=true]").wait_for()
        key = "23423"[len(pressed) % 5]
        page.keyboard.press(key)
        pressed += key
    expect(page.locator("#saving-text")).to_have_text("Saved")
    return pressed


def promote(page: Page) -> None:
    """With a reason where the verdict, which twenty pictures can't decide, went against the model."""
    reason = page.get_by_label("Why use it")
    if reason.is_visible():
        reason.fill("A test of the whole path.")
    page.get_by_role("button", name=re.compile("Promote run")).click()
    expect(page.get_by_text("in use", exact=True)).to_be_visible()


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

    product.command("train", STUDY, "--seed", "5")
    wait_for("the run to be under way", lambda: state("state") == "running" and state("message") != "")
    product.kill("heavy")
    assert state("state") == "running"
    product.start_worker("heavy")
    wait_for("the run to end", lambda: state("state") in ("done", "failed"), seconds=120)
    assert (state("state"), state("error"), state("attempt")) == ("done", "", 2)
    with psycopg2.connect(product.environment["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute(
            "SELECT run.number, count(e.id) FROM grading_trainingrun run"
            " LEFT JOIN grading_evaluation e ON e.run_id = run.id GROUP BY run.number ORDER BY run.number"
        )
        assert cursor.fetchall() == [(1, 1), (2, 1)]
