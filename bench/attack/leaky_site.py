"""The site with one of the leaks, for gunicorn; never used outside the bench."""

import importlib
import os

from config.wsgi import application

# Imported here, when Django is set up, and before anything has read the site's addresses.
importlib.import_module("bench.attack.leaks").switch_on(os.environ["BENCH_LEAK"])

__all__ = ["application"]
