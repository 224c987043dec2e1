"""Pages in tests link static files by their plain names: the hashed ones are known only after collectstatic."""

from collections.abc import Generator

import pytest
from django.conf import settings
from django.test import override_settings


@pytest.fixture(autouse=True, scope="session")
def _static_files_are_not_collected() -> Generator[None, None, None]:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES=settings.STORAGES | {"staticfiles": plain}):
        yield
