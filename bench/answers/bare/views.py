"""Next item, image bytes, submit: each with the session, the user and one query."""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.urls import path

from bench.answers.bare.models import Grade, Item


def ready(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


def following(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponseForbidden()
    item = Item.objects.filter(user=request.user.pk, pk__gt=request.GET["after"]).order_by("pk")[0]
    return JsonResponse({"item": item.pk})


def image(request: HttpRequest, item: int) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponseForbidden()
    found = Item.objects.get(pk=item, user=request.user.pk)
    return HttpResponse((settings.GOLDFOLD_HOME / found.path).read_bytes(), content_type="image/jpeg")


def submit(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponseForbidden()
    given = json.loads(request.body)
    grade = Grade.objects.create(item_id=given["item"], level=given["level"])
    return JsonResponse({"saved": grade.pk})


urlpatterns = [
    path("ready", ready),
    path("next", following),
    path("image/<int:item>", image),
    path("submit", submit),
]
