"""The API's contract: its schema is committed, so that no change of it goes unseen; its documentation needs no network.

After a wanted change: `JIYING_WRITE_SNAPSHOT=1 pytest tests/contracts/test_openapi.py`, and read the difference.
"""

import json
import os
import re
from collections import Counter
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from django.contrib.staticfiles import finders
from django.test import Client

from jiying.config.api import api
from tests.cast import Cast

SNAPSHOT = Path(__file__).with_name("openapi.json")
METHODS = ("get", "post", "put", "patch", "delete")


def shown() -> dict[str, Any]:
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, m, op) for path, about in shown()["paths"].items() for m, op in about.items() if m in METHODS]


def test_the_schema_is_the_committed_one(db: None) -> None:
    text = json.dumps(shown(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("JIYING_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_every_operation_has_a_name_a_sentence_and_its_refusals(db: None) -> None:
    names = Counter(op["operationId"] for _path, _method, op in operations())
    assert [name for name, n in names.items() if n > 1] == []
    for path, method, op in operations():
        where = f"{method} {path}"
        assert op.get("description"), where
        assert "application/problem+json" in op["responses"]["default"]["content"], where
        assert op["security"], where


def _shapes(kind: Any, found: dict[str, set[type]]) -> None:
    """Every class that a request or an answer is made of, by name."""
    for part in get_args(kind):
        _shapes(part, found)
    if not isinstance(kind, type) or kind in found.get(kind.__name__, set()):
        return
    hints = get_type_hints(kind) if is_dataclass(kind) or hasattr(kind, "model_fields") else {}
    if hints:
        found.setdefault(kind.__name__, set()).add(kind)
    for hint in hints.values():
        _shapes(hint, found)


def test_two_shapes_never_share_a_name(db: None) -> None:
    """The schema knows shapes by their name: of two with one name, the later would stand for both."""
    shown()  # all routers are in their places
    found: dict[str, set[type]] = {}
    for _prefix, router in api._routers:
        for view in router.path_operations.values():
            for operation in view.operations:
                for model in operation.response_models.values():
                    if hasattr(model, "model_fields"):
                        _shapes(model.model_fields["response"].annotation, found)
                for param in operation.models:
                    for field in param.model_fields.values():
                        _shapes(field.annotation, found)
    assert "TicketFlows" in found
    assert {name: kinds for name, kinds in found.items() if len(kinds) > 1} == {}


def is_loose(schema: dict[str, Any]) -> bool:
    """Whether it lets texts, numbers or lists through without an end."""
    kind = schema.get("type")
    if kind == "string":
        return not schema.keys() & {"enum", "const", "maxLength", "format", "pattern"}
    if kind == "integer":
        return not schema.keys() >= {"minimum", "maximum"} and "enum" not in schema
    return kind == "array" and "maxItems" not in schema and "enum" not in schema.get("items", {})


def loose_places(where: str, schema: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """Where a schema has no bound, itself and all below it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return loose_places(f"{where}:{name}", known[name], known)
    below = [(where, one) for branch in ("anyOf", "oneOf", "allOf") for one in schema.get(branch, ())]
    below += [(f"{where}.{name}", one) for name, one in schema.get("properties", {}).items()]
    below += [(f"{where}[]", schema["items"])] if "items" in schema else []
    found = [where] if is_loose(schema) else []
    return found + [place for path, one in below for place in loose_places(path, one, known)]


def test_what_comes_in_is_bounded(db: None) -> None:
    known, found = shown()["components"]["schemas"], []
    for path, method, op in operations():
        for parameter in op["parameters"]:
            found += loose_places(f"{method} {path} {parameter['name']}", parameter["schema"], known)
        if body := op.get("requestBody"):
            found += loose_places(f"{method} {path}", body["content"]["application/json"]["schema"], known)
    assert found == []


def test_the_documentation_is_ours_alone(cast: Cast) -> None:
    """No other host, no inline script: the strict policy of the house holds on this page too."""
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert "//" not in re.sub(r"<!--.*?-->", "", html, flags=re.S).replace("/api/v1//", "")
    assert "script-src 'self' 'nonce-" in page["Content-Security-Policy"]
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.S)
    for attributes, content in scripts:
        assert "src=" in attributes or ("application/json" in attributes and json.loads(content)), attributes
    links = re.findall(r'(?:src|href)="/static/([^"]+)"', html)
    assert len(links) >= 3
    assert [link for link in links if finders.find(link) is None] == []
    assert json.loads(next(c for a, c in scripts if "application/json" in a))["validatorUrl"] is None
