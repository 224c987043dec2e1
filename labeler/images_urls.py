"""Addresses of the pages that show a lead the study's pictures."""

from django.urls import path

from labeler.views import images

urlpatterns = [
    path("studies/<int:study_id>/images/<int:image_id>/thumbnail.jpg", images.image_thumbnail, name="image_thumbnail"),
    path("studies/<int:study_id>/images/<int:image_id>/full.jpg", images.image_full, name="image_full"),
]
