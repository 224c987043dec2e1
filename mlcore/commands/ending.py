"""How a command ends: done, or with one sentence that says what to do, or interrupted."""

import sys
from collections.abc import Callable

from mlcore.artifact import ArtifactError
from mlcore.backbones import BackboneUnavailable
from mlcore.commands.complaint import Complaint
from mlcore.extractor import ExtractorMismatch
from mlcore.faces import FaceModelMissing
from mlcore.tables import TableError
from mlcore.training import TrainingImpossible

_TOLD = (
    Complaint,
    TableError,
    ArtifactError,
    BackboneUnavailable,
    ExtractorMismatch,
    FaceModelMissing,
    TrainingImpossible,
    OSError,
)


def ended(command: Callable[[], None]) -> int:
    """Run a command. Returns its exit status; what is known to go wrong is told on stderr without a traceback."""
    try:
        command()
    except _TOLD as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing half-written is left.", file=sys.stderr)
        return 130
    return 0
