"""The application as gunicorn loads it, before it forks: what is imported here is shared by every worker."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from . import urls  # noqa: E402, F401
