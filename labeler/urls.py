from django.urls import include, path

urlpatterns = [
    path("", include("labeler.labelling_urls")),
]
