"""Where sessions lie, how one begins and how long it lives."""

import time
from datetime import datetime

from django.conf import settings
from django.contrib.sessions.backends import db
from django.db import connections
from django.http import HttpRequest
from django.middleware.csrf import CSRF_SESSION_KEY, rotate_token

ABSOLUTE_SECONDS = 8 * 60 * 60
NOTED_EVERY_SECONDS = 60
LOAD = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


class Router:
    """Sends Django's session table to its own file; every other table is the console's."""

    def db_for_read(self, model, **hints):
        return "sessions" if model._meta.app_label == "sessions" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return db == "sessions" and app_label == "sessions"


class SessionStore(db.SessionStore):
    """Django's own store and table; only the look-up's statement is written out: see access.VIEWER."""

    def load(self):
        with connections["sessions"].cursor() as cursor:
            row = cursor.execute(LOAD, [self.session_key, datetime.now()]).fetchone()
        if row:
            return self.decode(row[0])
        self._session_key = None
        return {}


def begin(session, user_id):
    """What sign-in leaves in a session: the user, the times, the secret of the forms' tokens."""
    now = int(time.time())
    request = HttpRequest()
    rotate_token(request)
    session.update(
        {"user": user_id, "began": now, "seen": now, CSRF_SESSION_KEY: request.META["CSRF_COOKIE"]}
    )


def user_of(session):
    """The id of the user whose session is alive, else None. Its last use is noted at most once a minute."""
    user_id = session.get("user")
    if user_id is None:
        return None
    now = int(time.time())
    if now - session["began"] >= ABSOLUTE_SECONDS or now - session["seen"] >= settings.SESSION_COOKIE_AGE:
        return None
    if now - session["seen"] >= NOTED_EVERY_SECONDS:
        session["seen"] = now
    return user_id
