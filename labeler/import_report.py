"""What an import did, for people: it is shown when the import has ended, and kept in its job's row."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from labeler.import_rows import Added, Outcome

# A list of a million files in one row of the database helps nobody; the counts stay exact.
MOST_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class NamedReason:
    """A file, what is the matter with it, and what to do."""

    name: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class SameContent:
    name: str
    first_name: str


@dataclass(slots=True)
class ImportReport:
    """Counts, and rows by file. `rejected` were added too, but the study's prescreening keeps them from raters."""

    added: int = 0
    unchanged: int = 0
    golden: int = 0
    rejected: int = 0
    refused_count: int = 0
    same_content_count: int = 0
    notes_count: int = 0
    same_content: list[SameContent] = field(default_factory=list)
    refused: list[NamedReason] = field(default_factory=list)
    notes: list[NamedReason] = field(default_factory=list)

    def count(self, added: Added) -> None:
        if added.outcome is Outcome.NEW:
            self.added += 1
            self.rejected += bool(added.image.rejected_code)
        elif added.outcome is Outcome.SAME_CONTENT:
            self.same_content_count += 1
            if len(self.same_content) < MOST_ROWS:
                self.same_content.append(SameContent(added.name.name, added.first_name))
        else:
            self.unchanged += 1
        self.golden += added.made_golden
        if added.note:
            self.notes_count += 1
            if len(self.notes) < MOST_ROWS:
                self.notes.append(NamedReason(added.name.name, added.note))

    def refuse(self, name: str, reason: str, remedy: str) -> None:
        self.refused_count += 1
        if len(self.refused) < MOST_ROWS:
            self.refused.append(NamedReason(name, reason, remedy))

    def sentence(self) -> str:
        parts = [f"{self.added:,} added"]
        parts += [f"{self.rejected:,} of them rejected by the prescreening"] if self.rejected else []
        parts += [f"{self.unchanged:,} there already"] if self.unchanged else []
        parts += [f"{self.same_content_count:,} with the content of another"] if self.same_content_count else []
        parts += [f"{self.refused_count:,} refused"] if self.refused_count else []
        parts += [f"{self.golden:,} made golden"] if self.golden else []
        return ", ".join(parts)

    def as_result(self) -> dict[str, Any]:
        return asdict(self)
