"""An item that somebody is to grade, and a grade."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Item(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    path = models.CharField(max_length=200)
    objects: ClassVar[models.Manager[Item]] = models.Manager()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return self.path


class Grade(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    level = models.PositiveSmallIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    objects: ClassVar[models.Manager[Grade]] = models.Manager()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return str(self.level)
