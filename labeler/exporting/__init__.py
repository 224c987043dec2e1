"""Tables to take away from a study: what they are, and how they are streamed however many rows they have."""

from labeler.exporting.export import export_table
from labeler.exporting.formats import Format, stream
from labeler.exporting.study_tables import ASSIGNMENTS, COMMITMENTS, IMAGES, LABELS, RATERS, STUDY_TABLES
from labeler.exporting.tables import Column, Kind, Table

__all__ = [
    "ASSIGNMENTS",
    "COMMITMENTS",
    "IMAGES",
    "LABELS",
    "RATERS",
    "STUDY_TABLES",
    "Column",
    "Format",
    "Kind",
    "Table",
    "export_table",
    "stream",
]
