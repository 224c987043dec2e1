"""A trained model as one folder: `model.safetensors` (tensors only) and `artifact.json` (all else, readable)."""

import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from mlcore.extractor import ExtractorConfig, ExtractorMismatch
from mlcore.regressor import Regressor, RegressorConfig

SCHEMA: Final = 2
MODEL_FILE: Final = "model.safetensors"
FACTS_FILE: Final = "artifact.json"
_PACKAGES: Final = ("numpy", "torch", "torchvision", "dlib-bin", "opencv-python-headless", "pillow", "safetensors")


class ArtifactError(RuntimeError):
    """An artifact that can't be written or trusted; the message says why."""


def installed_versions() -> dict[str, str]:
    """Versions of what the numbers come from."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model with its birth certificate.

    levels: the study's scale, rising. target_mean: stands in for a refused image's score in every RMSE.
    manifest_sha256: of the dataset that it was trained on. metrics: anything JSON can hold.
    """

    extractor: ExtractorConfig
    regressor: Regressor
    levels: tuple[float, ...]
    target_mean: float
    manifest_sha256: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=installed_versions)


def save(folder: Path, artifact: Artifact) -> None:
    """Write the artifact as a new folder, all or nothing. Raises ArtifactError if it exists already."""
    if folder.exists():
        raise ArtifactError(f"{folder} exists already; an artifact is never overwritten.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        model = save_tensors(artifact.regressor.tensors())
        (temporary / MODEL_FILE).write_bytes(model)
        facts = json.dumps(_facts(artifact, model), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
        (temporary / FACTS_FILE).write_text(facts + "\n", encoding="utf-8")
        # mkdtemp closes the folder to others, but the scoring process may run as another user.
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise ArtifactError(f"The artifact could not be written: {error}") from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def load(folder: Path) -> Artifact:
    """Read an artifact. Raises ArtifactError where a file is missing, damaged, or of an unknown version."""
    try:
        facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        model = (folder / MODEL_FILE).read_bytes()
    except OSError as error:
        raise ArtifactError(f"There is no complete artifact in {folder}: {error}") from error
    except ValueError as error:
        raise ArtifactError(f"{FACTS_FILE} in {folder} is damaged: {error}") from error
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise ArtifactError(f"{folder} is no artifact of schema {SCHEMA}.")
    if hashlib.sha256(model).hexdigest() != facts.get("model_sha256"):
        raise ArtifactError(f"{MODEL_FILE} in {folder} is not the file that the artifact was saved with.")
    try:
        return Artifact(
            extractor=ExtractorConfig.from_json(facts["extractor"]),
            regressor=Regressor(RegressorConfig.from_json(facts["regressor"]), load_tensors(model)),
            levels=tuple(float(level) for level in facts["levels"]),
            target_mean=float(facts["target_mean"]),
            manifest_sha256=str(facts["manifest_sha256"]),
            metrics=facts["metrics"],
            versions=facts["versions"],
        )
    except (KeyError, TypeError, ValueError, SafetensorError, ExtractorMismatch) as error:
        raise ArtifactError(f"The artifact in {folder} does not fit together: {error}") from error


def _facts(artifact: Artifact, model: bytes) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "extractor": asdict(artifact.extractor),
        "regressor": artifact.regressor.config.to_json(),
        "levels": list(artifact.levels),
        "target_mean": artifact.target_mean,
        "manifest_sha256": artifact.manifest_sha256,
        "metrics": dict(artifact.metrics),
        "versions": dict(artifact.versions),
    }
