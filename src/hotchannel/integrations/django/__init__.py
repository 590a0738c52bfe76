"""hotchannel for Django.

    INSTALLED_APPS = [..., "hotchannel.integrations.django"]
    MIDDLEWARE = ["hotchannel.integrations.django.HotChannelMiddleware", ...]

Under WSGI, and under ASGI where nothing else is said, the channel has a port of its own; with

    application = HotChannelASGI(get_asgi_application())

in asgi.py it shares the server's. Settings are a dict `HOTCHANNEL` in the project's settings.
"""

from __future__ import annotations

try:
    import django  # noqa: F401 - whether it is there
except ImportError as error:
    raise ImportError("hotchannel.integrations.django needs Django: pip install django") from error

from hotchannel.integrations.django.asgi import HotChannelASGI
from hotchannel.integrations.django.middleware import HotChannelMiddleware

__all__ = ["HotChannelASGI", "HotChannelMiddleware"]
