"""Where the peer is found: at the root, as its own documentation mounts it."""

from django.urls import include, path

urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
