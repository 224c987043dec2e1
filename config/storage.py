"""How static files are kept: hashed names, also in the imports between ES modules, so that none outlives an upgrade."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    support_js_module_import_aggregation = True
