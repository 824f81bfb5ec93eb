"""The WSGI application that a server such as gunicorn runs: the gate first, then all that is for people."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_wsgi_application()

from config.door import GateFirst  # noqa: E402 (it needs Django set up)

application = GateFirst(pages)
