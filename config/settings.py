"""Every setting of Goldfold, each with the value it has on a fresh checkout beside it.

`docs/operations.md` lists the environment variables. Nothing here has side effects.
"""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import embedded, env

BASE_DIR = Path(__file__).resolve().parent.parent
_EMBEDDED = embedded.addresses(BASE_DIR)

# --- Safety ---------------------------------------------------------------------------------------------------------
DEFAULT_SECRET_KEY = "a-fresh-checkout-is-not-a-safe-place"
SECRET_KEY = env.text("SECRET_KEY", DEFAULT_SECRET_KEY)
DEBUG = env.flag("DEBUG", False)
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
# Where programs reach the scoring process; behind one proxy both share a host.
SCORING_URL = env.text("SCORING_URL", SITE_URL).rstrip("/")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
_HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
BEHIND_PROXY = env.flag("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Whose address the sign-in's rate limits count: the last one that our own proxy saw.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- What runs ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "scoring",
    "grading",
    "labeler",
    "jobs",
    "accounts",
    "config",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "ninja",  # for the files of the API's page
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.PolicyMiddleware",
    "accounts.no_store.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.upload_limit.UploadLimitMiddleware",
    "accounts.request_id.RequestIdMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
                "config.preparation.context",
            ]
        },
    }
]

# --- Where things are -----------------------------------------------------------------------------------------------


def _database(url: str) -> dict[str, object]:
    """Django's settings for `postgresql://user:password@host:port/name?host=/socket/dir&sslmode=…`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://; Goldfold runs on PostgreSQL only")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "config.database",
        "NAME": unquote(parts.path.lstrip("/")) or "goldfold",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASE_URL = env.text("DATABASE_URL", _EMBEDDED.database_url)
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", _EMBEDDED.redis_url)
CACHES = {"default": {"BACKEND": "config.cache.RedisCache", "LOCATION": REDIS_URL}}
SESSION_ENGINE = "config.sessions"

GOLDFOLD_HOME = Path(env.text("GOLDFOLD_HOME", str(_EMBEDDED.home / "files")))
BACKBONE_WEIGHTS_DIR = Path(env.text("BACKBONE_WEIGHTS_DIR", str(GOLDFOLD_HOME / "weights")))

# The internal location of an nginx in front that sends raters' pictures itself; none by default, as it can't put behind
# each picture what hides which raters got the same one.
IMAGES_BY_NGINX = env.text("IMAGES_BY_NGINX").rstrip("/")

# Where the launcher tells how far the installation of the heavy part is.
PREPARATION_FILE = env.text("PREPARATION_FILE")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": GOLDFOLD_HOME}},
    "staticfiles": {"BACKEND": "config.storage.StaticFiles"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 5_000

# --- Pictures from elsewhere ----------------------------------------------------------------------------------------
# Ports that addresses in a table of pictures may name, beside 443.
FETCH_PORTS = env.numbers("FETCH_PORTS")
# Stores in a cloud that study leads may import from, as JSON; docs/importing.md describes it. Holds their secrets.
GOLDFOLD_SOURCES = env.text("GOLDFOLD_SOURCES")

# --- People ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_REDIRECT_URL = "home"
LOGIN_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
}
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
SOCIALACCOUNT_ONLY = False
ENTRA_TENANT_ID = env.text("ENTRA_TENANT_ID")
ENTRA_CLIENT_ID = env.text("ENTRA_CLIENT_ID")
ENTRA_CLIENT_SECRET = env.text("ENTRA_CLIENT_SECRET")
ENTRA_AUTHORITY = env.text("ENTRA_AUTHORITY", "https://login.microsoftonline.com")
ENTRA_ON = bool(ENTRA_TENANT_ID and ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET)
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Goldfold <goldfold@localhost>")

# --- Long work ------------------------------------------------------------------------------------------------------
# Celery spells the socket, and the number of the database on it, in its own way.
CELERY_BROKER_URL = (
    REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
# Results live in the job's row; Celery keeps none.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "light"
CELERY_TASK_ROUTES = {"grading.train_model": {"queue": "heavy"}, "grading.examine_images": {"queue": "heavy"}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
CELERY_BEAT_SCHEDULE = {
    "take up queued and orphaned jobs": {"task": "jobs.take_up", "schedule": 10.0},
    "remove uploads that nobody imported": {"task": "labeler.sweep_uploads", "schedule": 3600.0},
}
JOB_HEARTBEAT_SECONDS = env.number("JOB_HEARTBEAT_SECONDS", 5)
# A worker that has not beaten for this long is dead, and its work is taken up again.
JOB_DEAD_AFTER_SECONDS = env.number("JOB_DEAD_AFTER_SECONDS", 30)
JOB_ATTEMPTS = env.number("JOB_ATTEMPTS", 5)

# --- Language, time, logs -------------------------------------------------------------------------------------------
# One for the whole site, so that no request has to find out which: docs/translating.md.
LANGUAGE_CODE = env.text("LANGUAGE_CODE", "en-gb")
LANGUAGES = [("en-gb", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    # Azure's library tells of every request at INFO.
    "loggers": {"azure": {"level": "WARNING"}},
}
