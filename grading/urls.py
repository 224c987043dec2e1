"""Addresses of the lead's pages about the panel, its models, and the tables to take away."""

from django.urls import path

from grading.views import exporting, results, runs

urlpatterns = [
    path("studies/<int:study_id>/results/", results.results, name="results"),
    path("studies/<int:study_id>/results/chart.svg", results.results_chart, name="results_chart"),
    path("studies/<int:study_id>/results/raters/<int:membership_id>/", results.seat, name="panel_seat"),
    path("studies/<int:study_id>/runs/", runs.runs, name="runs"),
    path("studies/<int:study_id>/runs/start", runs.run_start, name="run_start"),
    path("studies/<int:study_id>/runs/<int:number>/", runs.run, name="run"),
    path("studies/<int:study_id>/runs/<int:number>/promote", runs.run_promote, name="run_promote"),
    path("studies/<int:study_id>/runs/<int:number>/cancel", runs.run_cancel, name="run_cancel"),
    path("studies/<int:study_id>/export/", exporting.study_export, name="study_export"),
    path("studies/<int:study_id>/export/dictionary.csv", exporting.dictionary_export, name="dictionary_export"),
    path("studies/<int:study_id>/export/<slug:table>.<slug:kind>", exporting.table_export, name="table_export"),
]
