"""A small real CRM on loopback that answers as docs/crm-openapi.json says; whatever does not fit that fails loudly."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema_rs

from tests.house import ROOT

DOCUMENT = json.loads((ROOT / "docs" / "crm-openapi.json").read_text(encoding="utf-8"))
TOKEN = "a token of the CRM"  # noqa: S105 - of a made-up house


def fits(name: str, value: Any) -> None:
    """Raises where the value is not what the document calls so."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema_rs.validate(schema, value)


@dataclass
class CrmServer:
    """Customers by number, a log of changes (the cursor is its length), orders, activities; faults to order."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    orders: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    activities: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fault: int = 0  # status of every answer from now on; 0: none
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, ref: str, **fields: str) -> None:
        """Somebody changes a customer in the CRM."""
        known = self.customers.setdefault(ref, {"ref": ref, "version": "0"})
        known |= fields | {"version": str(int(known["version"]) + 1)}
        self.changes.append(ref)

    # --- answers -----------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, version: str) -> tuple[int, Any]:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if self.fault:
            return self.fault, {"error": "ordered"}
        if parts == ["customers"]:
            return 200, self._list(query)
        ref = parts[1]
        if ref not in self.customers:
            return 404, {"error": "unknown"}
        if method == "GET":
            return 200, {"items": self.orders.get(ref, [])} if parts[2:] == ["orders"] else self.customers[ref]
        if method == "PATCH":
            if version != self.customers[ref]["version"]:
                return 412, {"error": "changed"}
            self.put(ref, **body)
            return 200, self.customers[ref]
        assert (method, parts[2]) == ("PUT", "activities")
        fits("Activity", body)
        self.activities[ref, parts[3]] = body
        return 204, None

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        if "changed_since" not in query:
            (name,) = set(query) - {"limit"}
            found = [one for one in self.customers.values() if one.get(name) == query[name]]
            return {"items": found[: int(query["limit"])]}
        begun = int(query["changed_since"] or 0)
        end = min(len(self.changes), begun + int(query["limit"]))
        refs = dict.fromkeys(self.changes[begun:end])
        return {"items": [self.customers[ref] for ref in refs], "cursor": str(end)}


@contextmanager
def running() -> Iterator[CrmServer]:
    crm = CrmServer()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            crm.asked.append(f"{self.command} {self.path}")
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            status, found = 401, {"error": "who are you?"}
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, found = crm.answer(self.command, parts.path, query, body, self.headers.get("If-Match", ""))
            if status == 200 and "items" in found and "orders" not in parts.path:
                fits("Customers", found)
            data = b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_PUT = _serve  # noqa: N815 - names of the base class

        def log_message(self, *_arguments: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    crm.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield crm
    server.shutdown()
    server.server_close()
