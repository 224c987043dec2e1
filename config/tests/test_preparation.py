"""The site is served while the heavy part is being installed, and says so."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from config.launch.preparation import Preparation

CLONE = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "preparation.json"
    settings.PREPARATION_FILE = str(path)
    return path


def _banner() -> str:
    return render_to_string("partials/preparation.html", request=RequestFactory().get("/"))


def test_the_banner_shows_how_far_the_installation_is(file: Path) -> None:
    Preparation("installing", 45, "fetching torch").write(file)
    assert Client().get("/preparation.json").json() == {"state": "installing", "percent": 45}
    assert 'value="45"' in _banner()


def test_there_is_no_banner_when_all_is_there(file: Path) -> None:
    Preparation("ready", 100, "").write(file)
    assert _banner().strip() == ""


def test_there_is_no_banner_without_a_launcher(settings: Settings) -> None:
    settings.PREPARATION_FILE = ""
    assert _banner().strip() == ""
    assert Client().get("/preparation.json").json()["state"] == "ready"


def test_why_it_failed_is_not_shown_to_visitors(file: Path) -> None:
    Preparation("failed", 0, "/home/somebody is full").write(file)
    assert "somebody" not in _banner() + Client().get("/preparation.json").content.decode()
    assert 'data-state="failed"' in _banner()


def test_the_site_and_its_commands_start_without_the_heavy_part() -> None:
    script = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "dlib", "face_recognition_models", "safetensors", "sklearn"}:
            raise ModuleNotFoundError(f"{name} is not part of the site", name=name)
sys.meta_path.insert(0, Refuse())
from config.wsgi import application
from django.core.management import get_commands, load_command_class
from django.urls import get_resolver
get_resolver().url_patterns
for name in ("migrate", "collectstatic", "create_demo"):
    load_command_class(get_commands()[name], name)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=CLONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
