"""Which addresses the house has: each page of the URL conf and each API operation."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from jiying.config.api import api
from jiying.desk.pages.verbs import VERBS

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, order=True)
class Door:
    """One operation. `route` as it is written in the URL conf or in OpenAPI; `schema` of an API body."""

    route: str
    method: str
    schema: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def name(self) -> str:
        return f"{self.method} /{self.route}"

    @property
    def names(self) -> list[str]:
        """Its parameters."""
        return re.findall(r"[<{](\w+)[>}]", self.route)

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/")


def _routes(patterns: Any, before: str = "") -> Iterator[str]:
    for one in patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            if one.namespace != "api":
                yield from _routes(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route.replace("^", "").rstrip("$"))
            yield re.sub(r"<\w+:(\w+)>", r"<\1>", route)


def pages() -> list[str]:
    """All routes of pages; the address of all verbs counts once for each verb."""
    found = []
    for route in _routes(get_resolver().url_patterns):
        found += [route.replace("<verb>", verb) for verb in VERBS] if route.endswith("do/<verb>") else [route]
    return sorted(found)


def operations() -> list[Door]:
    """All operations of the API."""
    document = api.get_openapi_schema()
    known = document["components"]["schemas"]
    return [
        Door(path.lstrip("/"), method.upper(), _body_schema(about, known))
        for path, methods in document["paths"].items()
        for method, about in methods.items()
        if method in METHODS
    ]


def _body_schema(operation: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return {"schema": schema, "known": known} if schema else {}
