"""The scoring process, for gunicorn: `gunicorn config.scoring_wsgi --worker-class gthread --threads 4`.

Same settings as the site, other addresses. It alone imports torch, and loads a promoted run once: scale it by
processes (`--workers`), each with its own copy of the model.
"""

import importlib
import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

URLS = "config.scoring_urls"


class ScoringRequest(WSGIRequest):
    urlconf = URLS


class ScoringHandler(WSGIHandler):
    request_class = ScoringRequest


django.setup(set_prefix=False)
# Here and now, not at the first request: a process that can't import the model code must not start.
importlib.import_module(URLS)
application = ScoringHandler()
