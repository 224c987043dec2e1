"""Where pictures come from: a folder, a browser, a zip, a table of addresses, a store in a cloud.

Each kind is a module here and gives `Source`s: a name, and bytes when they are asked for.
"""

from labeler.sources.base import (
    MAX_FILE_BYTES,
    MAX_NAME,
    RefusedSource,
    Source,
    Unreadable,
    checked_name,
    in_natural_order,
    natural_key,
    normal_name,
    printable,
)
from labeler.sources.folder import FileSource, scan_folder

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_NAME",
    "FileSource",
    "RefusedSource",
    "Source",
    "Unreadable",
    "checked_name",
    "in_natural_order",
    "natural_key",
    "normal_name",
    "printable",
    "scan_folder",
]
