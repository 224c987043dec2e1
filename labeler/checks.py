"""A configuration that can't be right is refused when a command starts, not found out by a study lead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from labeler.sources.cloud import places


@register
def stores_are_understood(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """The stores in a cloud that leads may import from."""
    try:
        places()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="docs/importing.md shows how a store is written down.", id="labeler.E001")]
    return []
