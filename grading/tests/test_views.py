"""The lead's pages of results and runs: who gets in, what they show, and how few queries they take."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.models import User
from grading.consensus import freeze_figures, override_seat, panel_figures
from grading.models import Evaluation, Promotion, Scope, TrainingRun
from grading.run_report import report
from grading.runs import cancel_run, start_run
from grading.tests.panels import FLAG, add_images, add_raters, answer, answer_all, graded_study
from jobs import lifecycle
from jobs.models import JobState
from labeler.models import Membership, Study

METRICS = {
    "rmse": 0.4823, "mae": 0.4, "pearson": 0.755, "spearman": 0.7, "within_one": 0.95, "coverage": 0.75, "n": 4,
    "confusion": [[1, 1, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
    "levels": [1, 2, 3, 4, 5], "golden": 4, "refused": 1, "target_mean": 2.4,
    "available": {"rmse": 0.49, "pearson": 0.7, "n": 4},
}  # fmt: skip
GET = ["results", "results_chart", "runs", "run"]
POST = ["run_start", "run_promote", "run_cancel", "panel_seat"]


@pytest.fixture
def run(study: Study) -> TrainingRun:
    graded_study(study)
    return start_run(study, audit.SYSTEM)


def end(run: TrainingRun, *, bar: float = 0.517) -> Evaluation:
    """The run as if it had been judged with METRICS, and refused one image."""
    lifecycle.cancel(run.job, audit.SYSTEM)
    TrainingRun.objects.filter(pk=run.pk).update(artifact="studies/1/runs/0001", finished_at=timezone.now())
    evaluation = Evaluation.objects.create(
        run=run,
        consensus_version=freeze_figures(run.study, panel_figures(run.study, Scope.GOLDEN), audit.SYSTEM),
        gate={"kind": "worst rater", "rater": "R02", "bar": bar, "images": 4, "declared_at": "2026-01-02T03:04:05Z"},
        gate_declared_at=timezone.now(),
        metrics=METRICS,
        passed=METRICS["rmse"] < bar,  # type: ignore[operator]  # a float among lists
    )
    image = run.study.images.order_by("pk")[0]
    evaluation.predictions.create(image=image, score=2.4, truth=1.0, route="refused", reason="No face was found.")
    return evaluation


def url(name: str, run: TrainingRun) -> str:
    extra = {
        "run": [run.number],
        "run_promote": [run.number],
        "run_cancel": [run.number],
        "panel_seat": [Membership.objects.get(study=run.study, code="R01").pk],
    }
    return reverse(name, args=[run.study_id, *extra.get(name, [])])


def words(response: object) -> str:
    """The page's text without tags, in single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("method", "name"), [("get", name) for name in GET] + [("post", name) for name in POST])
def test_only_the_lead_gets_in(
    client: Client,
    method: str,
    name: str,
    run: TrainingRun,
    alice: User,
    bob_rates: Membership,
    mallory: User,
    root: User,
) -> None:
    ask, address = getattr(client, method), url(name, run)
    assert ask(address)["Location"].startswith("/accounts/login/")
    for stranger in (mallory, bob_rates.user, root):
        assert stranger is not None
        client.force_login(stranger)
        assert ask(address).status_code == 404
    client.force_login(alice)
    assert ask(address).status_code in ({200} if method == "get" else {302, 422})


def test_a_lead_reaches_no_rater_or_run_of_another_study(client: Client, run: TrainingRun, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("run", args=[run.study_id, run.number + 1])).status_code == 404
    assert client.post(reverse("panel_seat", args=[run.study_id, 10**9])).status_code == 404


def test_results_show_the_figures_to_three_decimals(client: Client, study: Study, alice: User) -> None:
    """Means 2, 3, 4: R01 is off them by 1, 1, 1; leave-one-out by 1.5; bias (-1.5 - 1.5 + 1.5) / 3."""
    raters, images = add_raters(study, 3), add_images(study, 4, golden=4)
    answer_all(raters, images, [[1, 2, 3], [2, 3, 4], [5, 3, 4], [2, FLAG, 2]])
    client.force_login(alice)
    text = words(client.get(reverse("results", args=[study.pk])))
    assert "3 of 4 images" in text and "3 of 3 raters" in text
    assert re.search(r"R01 .*? 1\.000 1\.500 -0\.500 0\.693", text)
    assert re.search(r"R02 .*? 0\.577 0\.866", text)
    assert "answered 4 of 4 golden images" in text


def test_results_say_who_is_not_in_the_panel_yet(client: Client, study: Study, alice: User) -> None:
    raters, images = add_raters(study, 3), add_images(study, 4, golden=4)
    answer_all(raters[:2], images, [[1, 2], [2, 3], [5, 3], [2, 2]])
    answer(raters[2], images[0], 3)
    client.force_login(alice)
    text = words(client.get(reverse("results", args=[study.pk])))
    assert "2 of 3 raters" in text and "answered 1 of 4 golden images" in text
    assert "no figures until this rater counts" in text


def test_one_refused_of_many_is_not_rounded_to_all(run: TrainingRun) -> None:
    evaluation = end(run)
    evaluation.metrics = {**METRICS, "n": 230, "coverage": 229 / 230, "within_one": 228 / 230}
    shown = report(run, evaluation)
    assert (shown.scored, shown.within_one) == (229, 228)


def test_only_the_golden_set_speaks_of_whom_a_model_has_to_beat(client: Client, study: Study, alice: User) -> None:
    raters, images = add_raters(study, 2), add_images(study, 5, golden=2)
    answer_all(raters, images, [[1, 2], [2, 3], [5, 3], [2, 2], [1, 1]])
    client.force_login(alice)
    page = reverse("results", args=[study.pk])
    assert "whom a model has to beat" in words(client.get(page))
    assert "whom a model has to beat" not in words(client.get(page, {"scope": "all"}))


def test_a_rater_whom_the_lead_left_out_is_not_said_to_count_later(client: Client, study: Study, alice: User) -> None:
    raters, images = add_raters(study, 3), add_images(study, 2, golden=2)
    answer_all(raters, images, [[1, 2, 3], [2, 3, 3]])
    override_seat(study, raters[2], False, "tried the keys", audit.SYSTEM)
    client.force_login(alice)
    text = words(client.get(reverse("results", args=[study.pk])))
    assert "left out" in text.split("R03")[1] and "not yet" not in text


def test_the_scope_can_be_switched(client: Client, study: Study, alice: User) -> None:
    raters, images = add_raters(study, 2), add_images(study, 5, golden=2)
    answer_all(raters, images, [[1, 2], [2, 3], [5, 3], [2, 2], [1, 1]])
    client.force_login(alice)
    page = reverse("results", args=[study.pk])
    assert "2 of 2 images" in words(client.get(page))
    assert "5 of 5 images" in words(client.get(page, {"scope": "all"}))
    assert client.get(page, {"scope": "nonsense"}).status_code == 200


def test_an_empty_study_gets_a_page_with_reasons(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    text = words(client.get(reverse("results", args=[study.pk])))
    assert "Nobody counts in the panel yet." in text and "The study has no raters yet." in text
    assert client.get(reverse("results_chart", args=[study.pk])).status_code == 200


def test_results_take_as_many_queries_for_many_raters_and_images(
    client: Client, study: Study, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    graded_study(study, raters=2, golden=2, training=10)
    cancel_run(start_run(study, audit.SYSTEM), audit.SYSTEM)
    client.force_login(alice)
    page = reverse("results", args=[study.pk])
    client.get(page)
    with django_assert_num_queries(13):
        client.get(page)
    graded_study(study, raters=5, golden=0, training=30)
    for _ in range(3):
        cancel_run(start_run(study, audit.SYSTEM), audit.SYSTEM)
    with django_assert_num_queries(13):
        client.get(page)


def test_the_lead_takes_a_rater_out_with_a_reason(client: Client, run: TrainingRun, alice: User) -> None:
    client.force_login(alice)
    refused = client.post(url("panel_seat", run), {"decision": "out"}, follow=True)
    assert "Say why the rule should not decide here." in words(refused)
    changed = client.post(url("panel_seat", run), {"decision": "out", "reason": "guessed"}, follow=True)
    assert "R01 does not count." in words(changed) and "left out by the lead: guessed" in words(changed)
    assert [seat.code for seat in panel_figures(run.study).panel] == ["R02", "R03"]
    back = client.post(url("panel_seat", run), {"decision": "rule", "reason": ""}, follow=True)
    assert "3 of 3 raters" in words(back)


def test_the_chart_has_a_bar_for_each_rater_and_the_models_line(client: Client, run: TrainingRun, alice: User) -> None:
    cache.clear()
    client.force_login(alice)
    before = client.get(url("results_chart", run))
    assert before["Content-Type"] == "image/svg+xml"
    drawn = before.content.decode()
    assert all(f">{code}<" in drawn for code in ("R01", "R02", "R03")) and "model" not in drawn
    end(run)
    assert "model (run 1) 0.482" in client.get(url("results_chart", run)).content.decode()
    assert "model" not in client.get(url("results_chart", run), {"scope": "all"}).content.decode()


def test_the_button_starts_a_run(client: Client, study: Study, alice: User) -> None:
    graded_study(study)
    client.force_login(alice)
    chosen = {"backbone": "texture", "seed": 3, "group_column": ""}
    answered = client.post(reverse("run_start", args=[study.pk]), chosen)
    assert answered["Location"] == reverse("run", args=[study.pk, 1])
    assert TrainingRun.objects.get(study=study).seeds["split"] == 3


def test_a_start_that_is_refused_says_why(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    answered = client.post(reverse("run_start", args=[study.pk]), {"backbone": "texture", "seed": 0})
    assert answered.status_code == 422 and "no golden set" in words(answered)


def test_a_waiting_run_shows_its_steps_and_can_be_cancelled(client: Client, run: TrainingRun, alice: User) -> None:
    client.force_login(alice)
    text = words(client.get(url("run", run)))
    assert "Waiting for a worker." in text and "Judging on the golden set" in text
    assert "is cancelled" in words(client.post(url("run_cancel", run), follow=True))
    assert "had ended already" in words(client.post(url("run_cancel", run), follow=True))


def test_a_failed_run_shows_why(client: Client, run: TrainingRun, alice: User) -> None:
    lifecycle.cancel(run.job, audit.SYSTEM)
    type(run.job).objects.filter(pk=run.job_id).update(state=JobState.FAILED, error="The weights are missing.")
    client.force_login(alice)
    assert "The run failed. The weights are missing." in words(client.get(url("run", run)))


def test_a_judged_run_shows_verdict_figures_and_refusals(client: Client, run: TrainingRun, alice: User) -> None:
    end(run)
    client.force_login(alice)
    text = words(client.get(url("run", run) + "?names=shown"))
    assert "Passes: 0.482 is better than the worst rater&#x27;s 0.517 (R02)." in text
    assert "0.755 Pearson" in text or re.search(r"Pearson correlation 0\.755", text)
    assert "Coverage 3 of 4" in text and "0.jpg (panel 1.00): No face was found." in text
    assert re.search(r"Clear 1 1 0 0 0 2 Almost clear 0 2 0 0 0 2", text)


def test_a_run_that_passed_is_promoted_at_once(client: Client, run: TrainingRun, alice: User) -> None:
    end(run)
    client.force_login(alice)
    assert "scores this study&#x27;s selfies from now on" in words(client.post(url("run_promote", run), follow=True))
    assert Promotion.objects.get().by == alice
    assert "in use" in words(client.get(url("runs", run)))


def test_a_run_that_did_not_pass_is_promoted_with_a_reason_only(client: Client, run: TrainingRun, alice: User) -> None:
    end(run, bar=0.4)
    client.force_login(alice)
    assert "Does not pass: 0.482 is no better than the worst rater&#x27;s 0.400" in words(client.get(url("run", run)))
    refused = client.post(url("run_promote", run), {"reason": " "})
    assert refused.status_code == 422 and "did not pass its gate" in words(refused)
    assert not Promotion.objects.exists()
    client.post(url("run_promote", run), {"reason": "To compare."})
    assert "the reason given: To compare." in words(client.get(url("run", run)))


def test_a_synthetic_studys_pages_say_so(client: Client, run: TrainingRun, alice: User) -> None:
    Study.objects.filter(pk=run.study_id).update(is_synthetic=True)
    client.force_login(alice)
    for name in ("results", "runs", "run"):
        assert "faces are drawn and its raters simulated" in words(client.get(url(name, run)))
