"""`{% load hotchannel %}{% hotchannel %}`: the client's script, for pages that say where it belongs."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from hotchannel.integrations.django.runtime import runtime
from hotchannel.integrations.pages import CLIENT_URL
from hotchannel.modules.transform import client_script

__all__ = ["register"]

register = template.Library()


@register.simple_tag(takes_context=True)
def hotchannel(context: dict[str, Any]) -> SafeString:
    """Return the element that loads the client, with django-csp's nonce; nothing where hotchannel is off."""
    if not runtime.is_on():
        return mark_safe("")
    request = context.get("request")
    prefix = "" if request is None else request.META.get("SCRIPT_NAME", "").rstrip("/")
    nonce = getattr(request, "csp_nonce", None)
    return mark_safe(client_script(prefix + CLIENT_URL, None if nonce is None else str(nonce)))
