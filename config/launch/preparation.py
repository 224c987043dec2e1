"""How far the heavy part's installation is: written by the launcher, read by the site."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Preparation:
    """What the site's pages show about the part that is still being installed."""

    state: str  # installing | ready | failed
    percent: int
    doing: str

    def write(self, path: Path) -> None:
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Preparation":
        """What the file says; ready where there is none, as without a launcher."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return cls("ready", 100, "")
