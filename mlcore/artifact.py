"""A trained model as one folder: `model.safetensors` (tensors only) and `artifact.json` (all else, readable).

Where it is to be used elsewhere, `weights/` holds the files of the backbones that it needs.
"""

import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError

from mlcore import tensor_file
from mlcore.ensemble import Ensemble
from mlcore.extractor import ExtractorMismatch

SCHEMA: Final = 3
MODEL_FILE: Final = "model.safetensors"
FACTS_FILE: Final = "artifact.json"
WEIGHTS_FOLDER: Final = "weights"
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

    manifest_sha256: of the dataset that it was trained on. metrics: anything JSON can hold.
    """

    ensemble: Ensemble
    manifest_sha256: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=installed_versions)

    @property
    def levels(self) -> tuple[float, ...]:
        """The study's scale, rising."""
        return self.ensemble.levels

    @property
    def target_mean(self) -> float:
        """Stands in for a refused image's score in every RMSE."""
        return self.ensemble.target_mean


def save(folder: Path, artifact: Artifact, weights: Iterable[Path] = ()) -> None:
    """Write the artifact as a new folder, all or nothing. Raises ArtifactError if it exists already.

    weights: files of backbones to copy into it, so that it scores where they are not installed.
    """
    if folder.exists():
        raise ArtifactError(f"{folder} exists already; an artifact is never overwritten.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    except OSError as error:
        raise ArtifactError(f"The artifact could not be written: {error}") from error
    try:
        _fill(temporary, artifact, weights)
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
    _check_schema(folder, facts)
    if hashlib.sha256(model).hexdigest() != facts.get("model_sha256"):
        raise ArtifactError(f"{MODEL_FILE} in {folder} is not the file that the artifact was saved with.")
    try:
        return Artifact(
            ensemble=Ensemble.from_json(facts["ensemble"], tensor_file.load(model)),
            manifest_sha256=str(facts["manifest_sha256"]),
            metrics=facts["metrics"],
            versions=facts["versions"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, SafetensorError, ExtractorMismatch) as error:
        raise ArtifactError(f"The artifact in {folder} does not fit together: {error}") from error


def weights_beside(folder: Path, weights_dir: Path | None) -> Path | None:
    """Where an artifact's backbones are read from: its own folder of weights, or else the given one."""
    own = folder / WEIGHTS_FOLDER
    return own if own.is_dir() else weights_dir


def _check_schema(folder: Path, facts: Any) -> None:
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema == SCHEMA:
        return
    if isinstance(schema, int) and schema < SCHEMA:
        raise ArtifactError(
            f"The artifact in {folder} has schema {schema}, from an older version of Goldfold; this one reads schema "
            f"{SCHEMA}. Train anew on the same labels, or score with the version that made it."
        )
    raise ArtifactError(f"{folder} is no artifact of schema {SCHEMA}.")


def _fill(folder: Path, artifact: Artifact, weights: Iterable[Path]) -> None:
    model = tensor_file.saved(artifact.ensemble.tensors())
    (folder / MODEL_FILE).write_bytes(model)
    facts = {
        "schema": SCHEMA,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "ensemble": artifact.ensemble.to_json(),
        "manifest_sha256": artifact.manifest_sha256,
        "metrics": dict(artifact.metrics),
        "versions": dict(artifact.versions),
    }
    written = json.dumps(facts, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    (folder / FACTS_FILE).write_text(written + "\n", encoding="utf-8")
    for path in weights:
        (folder / WEIGHTS_FOLDER).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / WEIGHTS_FOLDER / path.name)
