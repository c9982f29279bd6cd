"""Django's WSGI handler; `config.asgi` serves it in threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jiying.config.settings")
application = get_wsgi_application()
