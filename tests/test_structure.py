"""The shape of the code: layers, doors of the heavy libraries, sizes, and pages that a strict CSP lets work."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "scoring", "grading", "labeler", "jobs", "accounts", "mlcore", "bench", "tests")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
HEAVY = ("torch", "torchvision", "dlib")


def test_the_layers_contract_holds() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_module_is_over_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_the_site_imports_neither_torch_nor_torchvision_nor_dlib() -> None:
    """In a fresh process, as gunicorn does it, with every page's module loaded."""
    program = (
        "import json, sys; from config.wsgi import application; from django.urls import get_resolver;"
        f"get_resolver().url_patterns; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize(
    ("library", "door"),
    [("dlib", "mlcore/faces.py"), ("torchvision", "mlcore/backbones.py"), ("msal", "accounts/entra.py")],
)
def test_a_heavy_library_has_one_door(library: str, door: str) -> None:
    importers = {
        str(path.relative_to(ROOT)) for path in MODULES if library in imported(path) and "tests" not in path.parts
    }
    assert importers == {door}


def imported(path: Path) -> set[str]:
    """Top-level names of what a module imports, in functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            names |= {str(arg.value).split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return names


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_page_has_inline_script_style_or_handlers(template: Path) -> None:
    text = template.read_text()
    scripts = re.findall(r"<script\b(?![^>]*\b(?:src=|type=\"application/json\"))[^>]*>", text)
    assert scripts == []
    assert re.findall(r"<style\b|<[^>]*\s(?:style|on[a-z]+)=\"", text) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_region_that_scrolls_can_be_reached_by_keyboard(template: Path) -> None:
    scrolling = re.findall(r"<[^>]*class=\"table-scroll\"[^>]*>", template.read_text())
    assert [tag for tag in scrolling if 'tabindex="0" role="region" aria-label=' not in tag] == []


def test_every_environment_variable_is_documented() -> None:
    settings = (ROOT / "config" / "settings.py").read_text()
    names = set(re.findall(r"env\.(?:text|flag|number|words)\(\s*\"([A-Z_]+)\"", settings))
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    assert names - documented == set()


def test_the_version_is_the_changelogs_newest() -> None:
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert newest and version and newest[1] == version[1]


def test_every_file_that_the_documents_link_to_is_there() -> None:
    missing = [
        f"{page.name}: {target}"
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []
