"""Addresses of the pages that show a lead the study's pictures."""

from django.urls import path

from labeler.views import clusters, images, prescreening

_STUDY = "studies/<int:study_id>/images/"

urlpatterns = [
    path(_STUDY, images.study_images, name="study_images"),
    path(f"{_STUDY}overrule/", prescreening.images_overrule, name="images_overrule"),
    path(f"{_STUDY}rejected/", prescreening.images_rejected, name="images_rejected"),
    path(f"{_STUDY}rejected/thresholds/", prescreening.images_thresholds, name="images_thresholds"),
    path(f"{_STUDY}clusters/", clusters.study_clusters, name="study_clusters"),
    path(f"{_STUDY}clusters/search/", clusters.clusters_search, name="clusters_search"),
    path(f"{_STUDY}clusters/skip/", clusters.clusters_skip, name="clusters_skip"),
    path(f"{_STUDY}clusters/decide/", clusters.clusters_decide, name="clusters_decide"),
    path(f"{_STUDY}clusters/conflicts/", clusters.study_conflicts, name="study_conflicts"),
    path(f"{_STUDY}<int:image_id>/", images.image, name="image"),
    path(f"{_STUDY}<int:image_id>/thumbnail.jpg", images.image_thumbnail, name="image_thumbnail"),
    path(f"{_STUDY}<int:image_id>/full.jpg", images.image_full, name="image_full"),
]
