"""The container files fit the compose specification, each other, and this repository."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyOptions
from django.conf import settings
from django.core.management import get_commands
from gunicorn.config import Config  # type: ignore[import-untyped]

ROOT = Path(settings.BASE_DIR)
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD")
ENVIRONMENT = dict.fromkeys(SECRETS, "for-this-test-only")
PLACE = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")


class NotSet(Exception):
    """What compose stops with when a required variable is unset or empty."""


def filled_in(environment: dict[str, str]) -> str:
    """docker-compose.yml as compose reads it: the variables put in their places."""

    def value(place: re.Match[str]) -> str:
        name, operator, word = place.groups()
        if environment.get(name):
            return environment[name]
        if operator == ":?":
            raise NotSet(name)
        return word or ""

    return PLACE.sub(value, (ROOT / "docker-compose.yml").read_text())


def compose() -> dict[str, Any]:
    """The file, checked against the compose specification; raises ValueError where it doesn't fit."""
    parsed = PyOptions(apply_merge=True).from_yaml(filled_in(ENVIRONMENT))
    parsed.validate()
    return parsed.to_dict()


SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def commands() -> dict[str, list[str]]:
    """What each of our services runs: its own command, or that of its image."""
    target, of_image = "", {}
    for line in dockerfile():
        if line.startswith("FROM"):
            target = line.split()[-1]
        if line.startswith("CMD"):
            of_image[target] = ast.literal_eval(line.removeprefix("CMD"))
    return {name: SERVICES[name].get("command") or of_image[SERVICES[name]["build"]["target"]] for name in OURS}


def test_every_process_has_its_service() -> None:
    assert set(SERVICES) == {
        "postgres", "redis", "migrate", "site", "scoring", "worker-light", "worker-heavy", "beat",
    }  # fmt: skip


@pytest.mark.parametrize("fault", ["restart: unless-stopped", "condition: service_healthy", "target: full"])
def test_the_specification_is_really_checked(fault: str) -> None:
    broken = filled_in(ENVIRONMENT).replace(fault, fault.replace(":", "_x:"), 1)
    with pytest.raises(ValueError, match=r"."):
        PyOptions(apply_merge=True).from_yaml(broken).validate()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("value", [None, ""])
def test_compose_refuses_to_start_without_secrets(secret: str, value: str | None) -> None:
    environment = {name: word for name, word in ENVIRONMENT.items() if name != secret}
    if value is not None:
        environment[secret] = value
    with pytest.raises(NotSet, match=secret):
        filled_in(environment)


def test_the_example_of_the_environment_is_whole_and_holds_no_secret() -> None:
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    example = dict(line.split("=", 1) for line in lines)
    used = {place[0] for place in PLACE.findall((ROOT / "docker-compose.yml").read_text())}
    assert set(example) == used
    assert [example[name] for name in SECRETS] == ["", ""]


def test_the_settings_know_every_variable() -> None:
    known = set(re.findall(r'env\.\w+\("(\w+)"', (ROOT / "config/settings.py").read_text()))
    for name in OURS:
        assert set(SERVICES[name]["environment"]) <= known, name


def test_every_command_names_what_exists() -> None:
    for name, command in commands().items():
        if command[0] == "gunicorn":
            spec = importlib.util.find_spec(command[1])
            assert spec is not None and spec.origin is not None, name
            assert "application" in Path(spec.origin).read_text(), name
        elif command[0] == "celery":
            assert importlib.util.find_spec(f"{command[command.index('-A') + 1]}.celery"), name
        else:
            assert command[:2] == ["python", "manage.py"] and command[2] in get_commands(), name


def test_gunicorn_takes_the_options_given() -> None:
    for command in commands().values():
        if command[0] == "gunicorn":
            Config().parser().parse_args(command[1:])


def test_every_queue_has_a_worker_with_what_it_needs() -> None:
    served = {
        command[command.index("-Q") + 1]: SERVICES[name]["build"]["target"]
        for name, command in commands().items()
        if "-Q" in command
    }
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert set(served) == routed | {settings.CELERY_TASK_DEFAULT_QUEUE}
    assert served == {"light": "site", "heavy": "full"}
    assert [name for name, command in commands().items() if "beat" in command] == ["beat"]


def test_published_ports_are_those_that_are_listened_on_and_on_loopback() -> None:
    for name in ("site", "scoring"):
        (port,) = SERVICES[name]["ports"]
        address, _, inside = port.split(":")
        assert address == "127.0.0.1"
        assert f"0.0.0.0:{inside}" in commands()[name]
        assert f":{inside}/" in " ".join(SERVICES[name]["healthcheck"]["test"])
    for name in set(SERVICES) - {"site", "scoring"}:
        assert "ports" not in SERVICES[name], name


def test_what_runs_on_has_a_check_of_its_health_and_starts_after_the_migration() -> None:
    for name, service in SERVICES.items():
        assert "healthcheck" in service or name == "migrate", name
    for name in set(OURS) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully", name


def test_the_images_are_built_from_files_that_are_there_and_run_as_nobody_special() -> None:
    targets = {line.split()[-1] for line in dockerfile() if line.startswith("FROM")}
    assert {SERVICES[name]["build"]["target"] for name in OURS} <= targets
    allowed = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        word
        for line in dockerfile()
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
        if word != "."
    }
    assert copied <= allowed
    assert all((ROOT / name).exists() for name in allowed)
    apps = {app for app in settings.INSTALLED_APPS if (ROOT / app).is_dir()}
    assert apps | {"mlcore", "templates", "static"} <= allowed
    users = [line for line in dockerfile() if line.startswith("USER")]
    assert users == ["USER 10001:10001"] * 2


def test_the_light_image_has_no_heavy_part() -> None:
    light: list[str] = []
    stage = ""
    for line in dockerfile():
        if line.startswith("FROM"):
            stage = line.split()[-1]
        if stage in {"base", "site-packages", "site"}:
            light.append(line)
    assert any("requirements-site.txt" in line for line in light)
    assert not any("requirements.txt" in line or "all-packages" in line for line in light)
