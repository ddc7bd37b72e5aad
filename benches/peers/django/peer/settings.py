"""The peer's settings: what a production of this one page needs, and nothing else."""

import os
from pathlib import Path

HERE = Path(__file__).parent

DEBUG = False
SECRET_KEY = "signs sessions of a benchmark on a loopback address"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "peer.urls"

INSTALLED_APPS = ["django.contrib.sessions", "peer"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]

# Jinja2 is one of Django's two own backends, and the faster one. Without DEBUG a template is compiled once.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [HERE / "templates"],
        "OPTIONS": {"trim_blocks": True, "lstrip_blocks": True},
    }
]


def sqlite(path):
    """A file with the console's own pragmas, on a connection that stays open."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 4,
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA mmap_size = 268435456",
        },
    }


# Django's session table lies in a file of its own, so that the console's database stays the console's.
CONSOLE_DATABASE = os.environ["PEER_DATABASE"]
DATABASES = {
    "default": sqlite(CONSOLE_DATABASE),
    "sessions": sqlite(CONSOLE_DATABASE + ".django-sessions"),
}
DATABASE_ROUTERS = ["peer.sessions.Router"]

SESSION_ENGINE = "peer.sessions"
SESSION_COOKIE_AGE = 15 * 60  # seconds without a request, as in the console
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_USE_SESSIONS = True

# The console's database holds UTC without a zone.
USE_TZ = False
TIME_ZONE = "UTC"
USE_I18N = False
LOGGING_CONFIG = None  # what fails is said on stderr
