"""Sensitive changes ask once more who it is: a post is kept, and done after the password or the second factor."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def proven(view: View[P]) -> View[P]:
    """Reading such a page asks nothing; changing asks, unless it was proven a short while ago."""
    asking: View[P] = reauthentication_required(allow_get=True)(view)
    return asking
