"""Settings of the bare application: the site's servers and sessions, and nothing else of it."""

from config import settings as site

SECRET_KEY = "the bench’s"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "bench.answers.bare"]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",  # tells how long an answer is
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "bench.answers.bare.views"
_database = {**site.DATABASES["default"], "ENGINE": "django.db.backends.postgresql", "CONN_HEALTH_CHECKS": False}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = site.DEFAULT_AUTO_FIELD
CACHES = {"default": {**site.CACHES["default"], "BACKEND": "django.core.cache.backends.redis.RedisCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
GOLDFOLD_HOME = site.GOLDFOLD_HOME
USE_TZ = True
LOGGING = site.LOGGING
