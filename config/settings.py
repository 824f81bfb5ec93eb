"""All settings, a section a topic; values come from the environment by readers that stop the start with a sentence.

`UNSTUCK_MODE` is `production` (the default), `demo` or `test`.
"""

import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def stop(sentence: str) -> None:
    """End the start with one sentence for the person who started it."""
    sys.exit(f"Unstuck cannot start: {sentence}")


def read(name: str, reader: Any, default: Any) -> Any:
    """Return an environment variable as `reader` reads it, or `default` where it is not set."""
    try:
        return reader(name, default=default)
    except (ValueError, environ.ImproperlyConfigured) as exc:
        stop(f"the environment variable {name} cannot be read ({exc}).")


# Mode -----------------------------------------------------------------------------------------------------------------
MODE: str = read("UNSTUCK_MODE", env.str, "production")
if MODE not in {"production", "demo", "test"}:
    stop(f"UNSTUCK_MODE is {MODE!r}; it must be production, demo or test.")
IS_PRODUCTION = MODE == "production"
DEBUG = False
FAULTS_ALLOWED = not IS_PRODUCTION

DATA_DIR = Path(read("UNSTUCK_DATA", env.str, str(BASE_DIR / "var"))).resolve()

# Secrets --------------------------------------------------------------------------------------------------------------
SECRET_KEY: str = read("SECRET_KEY", env.str, "" if IS_PRODUCTION else "only-for-the-demo-and-the-tests-" + "x" * 40)
if not SECRET_KEY:
    stop("the environment variable SECRET_KEY is missing; set it to a long random text and keep it secret.")
# Encrypts credentials at rest: the first key writes, all of them read. Without it, it is derived from SECRET_KEY.
ENCRYPTION_KEYS: list[str] = read("ENCRYPTION_KEYS", env.list, [])

# Applications ---------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config",
    "syncdiag",
    "cxmlgate",
    "integrations",
    "invoices",
    "config.site.UnstuckAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "axes",
    "csp",
]
MIDDLEWARE = [
    "config.middleware.LogContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
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
            ]
        },
    }
]

# Database -------------------------------------------------------------------------------------------------------------
# DATABASE_URL names PostgreSQL for real use; without it the demo's SQLite file.
DATABASES: dict[str, dict[str, Any]] = {
    "default": read("DATABASE_URL", env.db_url, f"sqlite:///{DATA_DIR / 'unstuck.sqlite3'}")
}
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
IS_SQLITE = "sqlite3" in DATABASES["default"]["ENGINE"]
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
elif read("DATABASE_PREPARES", env.bool, True):
    # Of prepared_cursor's statements alone; Django's own cursors never prepare.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("prepare_threshold", 0)
if MODE == "test" and IS_SQLITE:
    DATABASES["default"]["TEST"] = {"NAME": read("UNSTUCK_TEST_SQLITE", env.str, str(DATA_DIR / "test.sqlite3"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # Shared by all processes: throttles, lock-outs and the cluster's statistics need that.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}
}

# Queue ----------------------------------------------------------------------------------------------------------------
# The rows of the outbox are the truth; the queue only says "look now". Values: see config/README.md.
Q_CLUSTER: dict[str, Any] = {
    "name": "unstuck",
    "workers": read("QUEUE_WORKERS", env.int, 2),
    "queue_limit": read("QUEUE_WORKERS", env.int, 2),
    "bulk": 1,
    "timeout": 60,
    "retry": 300,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,  # what went well is not kept: our own rows say more, and a beat comes every two seconds
    "catch_up": False,
    "time_zone": "UTC",
    "poll": 0.5,
    "max_rss": 300_000,
    "label": "Queue",
    "orm": "default",
}
REDIS_URL: str = read("QUEUE_REDIS_URL", env.str, "")
if REDIS_URL:
    del Q_CLUSTER["orm"]
    Q_CLUSTER["redis"] = REDIS_URL

# People ---------------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "invoices.permissions.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
if MODE == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a real one takes 0.3 s a login
LOGIN_URL = "admin:login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLED = MODE != "test"

# Else a caller could name any address; one reader for the gate, the lock-out and, by its own rule, the API.
BEHIND_PROXY: bool = read("BEHIND_PROXY", env.bool, False)
NUM_PROXIES: int = read("NUM_PROXIES", env.int, 1) if BEHIND_PROXY else 0
if BEHIND_PROXY and NUM_PROXIES < 1:
    stop(f"NUM_PROXIES is {NUM_PROXIES}; it must be how many proxies stand in a row before Unstuck, at least 1.")
AXES_CLIENT_IP_CALLABLE = "cxmlgate.sources.source_text"

# API ------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "invoices.api.errors.answer",
    "COERCE_DECIMAL_TO_STRING": True,
    "NUM_PROXIES": NUM_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Unstuck",
    "DESCRIPTION": "Hand invoices in, follow them, and press the desk's buttons.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Security -------------------------------------------------------------------------------------------------------------
ALLOWED_HOSTS: list[str] = read("ALLOWED_HOSTS", env.list, [] if IS_PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS: list[str] = read("CSRF_TRUSTED_ORIGINS", env.list, [])
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
if IS_PRODUCTION:
    SECURE_SSL_REDIRECT = read("SECURE_SSL_REDIRECT", env.bool, True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"/cxmlgate/abc/status_update_request/*$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Language, time, files ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
if not IS_PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # in production `manage.py prepare` fills it
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = not IS_PRODUCTION
MEDIA_ROOT = DATA_DIR / "media"

# ERPs -----------------------------------------------------------------------------------------------------------------
# Connectors know their systems' addresses; the sandbox, and a Tryton of one's own, stand where these say.
SANDBOX_ERP_URL: str = read("SANDBOX_ERP_URL", env.str, "http://127.0.0.1:8001")
TRYTON_URL: str = read("TRYTON_URL", env.str, "http://127.0.0.1:8000/tryton")  # ends in the name of the database

# Measuring ------------------------------------------------------------------------------------------------------------
# Who brings it (`Authorization: Bearer …`) may read /metrics; without it nobody may.
METRICS_TOKEN: str = read("METRICS_TOKEN", env.str, "")

# Mail -----------------------------------------------------------------------------------------------------------------
# EMAIL_URL, e.g. smtp+tls://user:password@host:587; without it mails are written to the console.
vars().update(read("EMAIL_URL", env.email_url, "consolemail://"))
DEFAULT_FROM_EMAIL: str = read("DEFAULT_FROM_EMAIL", env.str, "Unstuck <unstuck@localhost>")
SITE_URL: str = read("SITE_URL", env.str, "http://127.0.0.1:8000").rstrip("/")  # begins the links in mails

# Logs -----------------------------------------------------------------------------------------------------------------
LOG_LEVEL: str = read("LOG_LEVEL", env.str, "INFO" if IS_PRODUCTION else "WARNING")
LOGGING_CONFIG = "config.logs.configure"
LOGGING = {"level": LOG_LEVEL, "json": IS_PRODUCTION}
