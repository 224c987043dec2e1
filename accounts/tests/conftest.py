"""Tests sign in more often than people do: rate limits are off but where they are tested."""

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _quick_sign_in(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
