"""Signs a user in at the Django peer and prints the cookie: `make_session.py DATABASE EMAIL`.

Run it with target/peers/django/bin/python after `run` has said that it is ready.
"""

import os
import sys


def main(database, email):
    sys.dont_write_bytecode = True  # the sources stay clean
    os.environ["PEER_DATABASE"] = os.path.realpath(database)
    os.environ["DJANGO_SETTINGS_MODULE"] = "peer.settings"
    import django

    django.setup()
    from django.conf import settings

    from peer.models import User
    from peer.sessions import SessionStore, begin

    user = User.objects.filter(email=email).first()
    if user is None:
        sys.exit(f"make_session.py: there is no user {email}")
    session = SessionStore()
    begin(session, user.pk)
    session.save(must_create=True)
    print(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("say make_session.py DATABASE EMAIL")
    main(*sys.argv[1:])
