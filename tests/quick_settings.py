"""Settings that only tests have: plain names of static files, and a cheap password hash."""

from collections.abc import Generator

import pytest
from django.conf import settings
from django.test import override_settings

# Hashed names are known only after collectstatic.
PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# The real one takes a tenth of a second for every user made.
CHEAP = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True, scope="session")
def _quick_settings() -> Generator[None, None, None]:
    with override_settings(STORAGES=settings.STORAGES | {"staticfiles": PLAIN}, PASSWORD_HASHERS=CHEAP):
        yield
