"""What the door offers besides the password."""

from django import template
from django.utils.translation import gettext as _

from jiying.base import oidc

register = template.Library()


@register.simple_tag
def sso() -> str:
    """The words of the single sign-on button; empty where it is off."""
    found = oidc.config()
    return (found.name or _("Company account")) if found.enabled and found.is_complete else ""
