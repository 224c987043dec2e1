"""Addresses of the first page, the lead's pages and the rater's page."""

from django.urls import include, path

from labeler.views import assignment, exports, home, importing, jobs, studies

urlpatterns = [
    path("", include("labeler.labelling_urls")),
    path("", home.home, name="home"),
    path("studies/new/", studies.study_new, name="study_new"),
    path("studies/<int:study_id>/", studies.study, name="study"),
    path("studies/<int:study_id>/import/", importing.study_import, name="study_import"),
    path("studies/<int:study_id>/import/upload/", importing.study_upload, name="study_upload"),
    path("studies/<int:study_id>/grades/import/", importing.grades_import, name="grades_import"),
    path("studies/<int:study_id>/assign/", assignment.study_assign, name="study_assign"),
    path("studies/<int:study_id>/labels.csv", exports.labels_export, name="labels_export"),
    path("studies/<int:study_id>/jobs/<int:job_id>/", jobs.job, name="job"),
    path("studies/<int:study_id>/jobs/<int:job_id>.json", jobs.job_status, name="job_status"),
    path("studies/<int:study_id>/jobs/<int:job_id>/cancel/", jobs.job_cancel, name="job_cancel"),
    path("", include("labeler.setup_urls")),
    path("", include("labeler.running_urls")),
    path("", include("labeler.images_urls")),
]
