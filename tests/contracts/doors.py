"""Every door of the house: each page of the URL conf and each API operation, with an example of what lies behind it.

A new address whose parameters are not known here fails: add its example to `Stage.parameters`, and what it must be
sent to `BODIES`, so that permission and masking tests walk through it too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone

from jiying.alerts.models import Delivery, OnCall
from jiying.base import files, tokens
from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Attachment, Department, Person, Role, Team, VersionedDocument
from jiying.channels.services import portal
from jiying.clocks.models import Clock
from jiying.config.api import api
from jiying.desk.models import CannedText, Customer, Draft, HandUp, Message, Ticket
from jiying.desk.pages.verbs import VERBS
from jiying.desk.services import collaboration, handling, routing, talking
from jiying.desk.services.customers import CustomerData
from tests.cast import PASSWORD, Cast

ROLES = ("agent", "lead", "supervisor", "qa", "operations", "planner", "manager", "responder", "admin")
RELATIONS = ("own", "team", "other")
METHODS = ("get", "post", "put", "patch", "delete")
# What an operation is sent, where an empty form or the least valid body would say too little.
BODIES: dict[str, dict[str, Any]] = {
    "POST /presence/": {"presence": "busy"},
    "POST /tickets/new/": {"subject": "发票", "channel": "web", "type": "inquiry"},
    "POST /people/new": {"name": "新人", "username": "new1", "seniority": "1", "is_active": "on"},
    "POST /people/teams/save": {"code": "team9", "name": "九组"},
    "POST /people/departments/save": {"code": "dep9", "name": "九部"},
    "POST /people/roles/new": {"code": "role9", "name": "九", "rights": ["desk.view_own"]},
    "POST /me/tokens": {"name": "x"},
    "POST /tickets/<number>/do/reply": {"body": "您好"},
    "POST /tickets/<number>/do/note": {"body": "备注"},
    "POST /tickets/<number>/do/call": {"direction": "out", "minutes": "2", "body": "已通话"},
    "POST /tickets/<number>/do/hold": {"reason": "customer"},
    "POST /tickets/<number>/do/resolve": {"note": "已解决"},
    "POST /tickets/<number>/do/escalate": {"level": "1", "reason": "客户着急"},
    "POST /tickets/<number>/do/ask": {"department": "rnd", "kind": "question", "question": "请协助"},
    "POST /tickets/<number>/do/cancel": {"reason": "误建"},
    "POST /tickets/<number>/draft": {"kind": "reply", "body": "写到一半"},
    "POST /tickets/<number>/draft/files": {"kind": "reply"},
    "POST /preview": {"body": "**好**"},
    "POST /canned/new/": {"title": "问候", "body": "您好", "reach": "own"},
    "POST /canned/<pk>/": {"title": "问候", "body": "您好", "reach": "{reach}", "revision": "0"},
    "PUT /api/v1/canned-texts/{text_id}": {"title": "问候", "body": "您好", "reach": "{reach}"},
    "POST /asked/<pk>/answer": {"answer": "已发出"},
    "POST /api/v1/tickets/{number}/collaborate": {"department": "rnd", "question": "请协助"},
    "POST /tickets/<number>/do/fields": {"category": "order", "channel": "web", "tags": "a"},
    "POST /tickets/<number>/do/priority": {"priority": "P1", "reason": "客户着急"},
    "POST /tickets/<number>/do/transfer": {"to": "person:{colleague}", "reason": "请接手"},
    "POST /tickets/<number>/do/merge": {"into": "{queued}"},
    "POST /clocks/<pk>/cause": {"code": "complex_process", "note": "x"},
    "POST /standards/<number>/propose": {"effective_from": "2027-01-04T09:00", "note": "x"},
    "POST /standards/<number>/approve": {"capacity": "supervisor"},
    "POST /standards/<number>/reject": {"note": "x"},
    "POST /standards/<number>/withdraw": {"note": "x"},
    "POST /standards/collaboration/<key>/<number>/<verb>": {"effective_from": "2027-01-04T09:00", "note": "x"},
    "POST /calendars/<key>/statutory": {"seen": "1"},
    "POST /calendars/<key>/import": {"seen": "1", "text": "date,kind\n2027-01-01,usual\n"},
    "POST /calendars/<key>/copy": {"key": "copy9", "title": "副本"},
    "POST /api/v1/tickets/{number}/transfer": {"to_person": "{colleague}"},
    "POST /api/v1/tickets/{number}/merge": {"into": "{queued}"},
    "POST /api/v1/customers/{customer_id}/reveal": {"ticket": "{ticket}"},
    "POST /setup/lines/team": {"team": "team1", "line": "1"},
    "PUT /api/v1/support-lines/team": {"team": "team1", "line": 1},
    "POST /api/v1/tokens": {"name": "x"},
}


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


# --- which doors there are -------------------------------------------------------------------------------------------


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


def doors(stage: "Stage") -> list[Door]:
    """Every operation of the house; a page says itself which methods it takes."""
    client = stage.client("admin")
    found = operations()
    for route in pages():
        door = Door(route, "OPTIONS")
        answer = client.options(stage.path(door, "admin", "own"))
        allowed = [m.strip() for m in answer.get("Allow", "GET, POST").split(",")]
        found += [Door(route, method) for method in allowed if method.lower() in METHODS]
    return sorted(set(found))


# --- what lies behind them -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Objects:
    """A ticket with all that hangs on it, and the person it belongs to."""

    person: Person
    ticket: Ticket
    message: Message
    customer: Customer
    asked_id: int
    clock_id: int
    file_id: int
    token_id: int
    session_id: int
    hand_up_id: int
    draft_file_id: int
    text: CannedText
    portal: str  # the signed part of the customer's own address


SECRET = CustomerData(
    name="司徒静怡", phone="13912340000", email="situ.jingyi@example.com", address="上海市浦东新区张杨路五百号"
)


class Stage:
    """One person of each shipped role in team 1; for each a ticket of their own, one of the team's, one of team 2's."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self._n = cast, 0
        self._clients: dict[str, tuple[Client, str]] = {}
        Department.objects.create(code="rnd", name="研发部")
        service = Department.objects.get(code="service")
        self.second_line = Team.objects.create(code="second", name="二线")
        self.people = {role: self._hire(role, service) for role in ROLES}
        self.colleague = self._hire("agent", service, "colleague")
        stranger = self._hire("agent", service, "stranger")
        Person.objects.filter(pk=stranger.pk).update(team=cast.team2)
        stranger.refresh_from_db()
        self.own = {role: self._objects(person, asks="logistics") for role, person in self.people.items()}
        self.team, self.other = self._objects(self.colleague), self._objects(stranger)
        self.queued = self.cast.ticket(subject="同一件事")
        routing.transfer(actor=SYSTEM, number=self.queued.number, to_team=cast.team1.pk, now=timezone.now())
        self.delivery = Delivery.objects.create(person=self.colleague, way="mail", key="k", state="dead")
        self.on_call = OnCall.objects.create(
            person=self.colleague, team=cast.team1, starts_at=cast.now, ends_at=cast.now + timedelta(days=1)
        )
        self._draft()

    def _hire(self, role: str, service: Department, name: str = "") -> Person:
        person = Person.objects.create_person(
            name or f"the-{role}",
            PASSWORD,
            name=name or role,
            team=self.cast.team1,
            department=self.cast.logistics if role == "responder" else service,
        )
        person.roles.add(Role.objects.get(code=role))
        return person

    def _objects(self, person: Person, asks: str = "rnd") -> Objects:
        """A responder's own ticket is a colleague's, on which their department was asked."""
        self._n += 1
        now = timezone.now() - timedelta(minutes=3)
        by = self.colleague if person.department_id == self.cast.logistics.pk else person
        told = CustomerData(
            name=SECRET.name, phone=f"1391234{self._n:04d}", email=f"situ.jingyi{self._n}@example.com",
            address=SECRET.address,
        )  # fmt: skip
        ticket = self.cast.ticket(subject="订单一直没有收到", customer=told, now=now)
        self._hand_to(self.colleague, ticket)
        message = talking.note(actor=SYSTEM, number=ticket.number, body="第一步", now=now)
        asked = collaboration.ask(actor=SYSTEM, number=ticket.number, department=asks, question="请查", now=now)
        self._hand_to(by, ticket)
        kept, loose = (
            files.keep(
                [SimpleUploadedFile("a.txt", b"a", "text/plain")],
                actor=SYSTEM,
                subject_kind=kind,
                subject_id=message.pk,
                now=now,
            )[0]
            for kind in ("message", "draft")
        )
        secret = tokens.issue(actor=of_person(person), person=person, name="t", scopes=(), now=now)
        ticket.refresh_from_db()
        draft = Draft.objects.create(person=person, ticket=ticket, kind="note", changed_at=now)
        Attachment.objects.filter(pk=loose.pk).update(subject_id=draft.pk)
        return Objects(
            person=person,
            draft_file_id=loose.pk,
            text=CannedText.objects.create(title="问候", body="您好", changed_at=now, **self._reach(person)),
            ticket=ticket,
            message=message,
            customer=Customer.objects.get(tickets=ticket),
            asked_id=asked.pk,
            clock_id=Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk).order_by("pk")[0].pk,
            file_id=kept.pk,
            session_id=UserSession.objects.create(
                user=person, ip="192.0.2.7", session_key=f"session-{self._n}", user_agent="x"
            ).pk,
            hand_up_id=HandUp.objects.create(
                ticket=ticket, team=self.second_line, line=2, asked_by=by, asked_at=now
            ).pk,
            portal=portal.address(actor=SYSTEM, number=ticket.number).rstrip("/").rpartition("/")[2],
            token_id=person.tokens.get(digest=tokens.digest(secret)).pk,
        )

    def _reach(self, person: Person) -> dict[str, Any]:
        """Whose canned text it is: a role's own, and those of the two teams."""
        return {"owner": person} if person.username.startswith("the-") else {"team": person.team}

    def _hand_to(self, person: Person, ticket: Ticket) -> None:
        """To somebody who may not handle tickets only the row says so, as after a change of role."""
        now = timezone.now()
        if "desk.handle" not in person.rights():
            Ticket.objects.filter(pk=ticket.pk).update(assignee=person)
            return
        routing.transfer(actor=SYSTEM, number=ticket.number, to_person=person.pk, now=now)
        if Ticket.objects.get(pk=ticket.pk).status == "assigned":
            handling.accept(actor=of_person(person), number=ticket.number, now=now)

    def _draft(self) -> None:
        client = self.client("admin")
        assert client.post("/standards/draft").status_code == 302
        self.draft = VersionedDocument.objects.filter(kind="standard", state="draft").latest("pk").number
        while VersionedDocument.objects.filter(kind="collaboration", key="logistics").count() < self.draft:
            assert client.post("/standards/collaboration/logistics/begin").status_code == 302
            VersionedDocument.objects.filter(key="logistics", number__lt=self.draft, state="draft").update(
                state="rejected"
            )

    def client(self, role: str) -> Client:
        """A browser signed in as this role; `nobody` is signed out. Not from this machine, which may see more."""
        if role not in self._clients:
            made = self.cast.client(None if role == "nobody" else self.people[role])
            made.defaults["REMOTE_ADDR"] = "203.0.113.9"
            self._clients[role] = (made, made.cookies.output())
        client, cookies = self._clients[role]
        client.cookies.clear()
        client.cookies.load("; ".join(line.removeprefix("Set-Cookie: ") for line in cookies.splitlines()))
        return client

    def objects(self, role: str, relation: str) -> Objects:
        if relation == "own":
            return self.own.get(role, self.own["agent"])
        return self.team if relation == "team" else self.other

    def parameters(self, door: Door, objects: Objects) -> dict[str, object]:
        """The parameters of an address for these objects. A new page's example is to be added."""
        first = door.route.removeprefix("api/v1/").partition("/")[0]
        known: dict[str, dict[str, object]] = {
            "tickets": {"number": objects.ticket.number, "what": "texts", "kind": "reply"},
            "canned": {"pk": objects.text.pk},
            "canned-texts": {"text_id": objects.text.pk},
            "drafts": {"pk": objects.draft_file_id},
            "standards": {"number": self.draft, "key": "logistics", "verb": "propose"},
            "collaboration-standards": {"number": self.draft, "key": "logistics"},
            "asked": {"pk": objects.asked_id},
            "collaborations": {"collaboration_id": objects.asked_id},
            "clocks": {"pk": objects.clock_id, "clock_id": objects.clock_id},
            "customers": {"pk": objects.customer.pk, "customer_id": objects.customer.pk},
            "files": {"pk": objects.file_id},
            "people": {"person_id": objects.person.pk, "code": "agent", "token_id": objects.token_id},
            "tokens": {"token_id": objects.token_id},
            "me": {"token_id": objects.token_id, "session_id": objects.session_id},
            "accounts": {"pk": 1, "provider_id": "sso"},
            "calendars": {"key": "work", "name": "2026-05-06", "kind": "csv"},
            "setup": {"where": "order"},
            "alerts": {
                "delivery_id": self.delivery.pk,
                "on_call_id": self.on_call.pk,
                "key": "warning",
                "verb": "up",
            },
            "on-call": {"on_call_id": self.on_call.pk},
            "exchange": {"job_id": 1, "file_id": 1},
            "exports": {"export_id": 1},
            "lines": {"pk": objects.hand_up_id},
            "hand-ups": {"hand_up_id": objects.hand_up_id},
            "p": {"token": objects.portal, "pk": objects.file_id},
        }
        try:
            return {name: known[first][name] for name in door.names}
        except KeyError as missing:
            raise LookupError(f"{door.name}: add an example of {missing} to Stage.parameters") from None

    def path(self, door: Door, role: str, relation: str) -> str:
        values = self.parameters(door, self.objects(role, relation))
        return "/" + re.sub(r"[<{](\w+)[>}]", lambda found: str(values[found[1]]), door.route)

    def relations(self, door: Door) -> tuple[str, ...]:
        """One call for each relation, where the address names something that belongs to somebody."""
        owned = {str(self.parameters(door, self.objects("agent", relation))) for relation in RELATIONS}
        return RELATIONS if len(owned) > 1 else RELATIONS[:1]

    def call(self, client: Client, door: Door, role: str, relation: str) -> HttpResponse:
        path = self.path(door, role, relation)
        body = self._body(door, self.objects(role, relation))
        if door.is_api and door.method != "GET":
            sent = body if body is not None else example(door.schema)
            return client.generic(
                door.method, path, json.dumps(sent, ensure_ascii=False), content_type="application/json"
            )  # type: ignore[return-value]
        if door.method == "GET":
            return client.get(path)  # type: ignore[return-value]
        return client.post(path, body or {})  # type: ignore[return-value]

    def _body(self, door: Door, objects: Objects) -> dict[str, Any] | None:
        """What the operation is sent; {words} in braces are ids of the stage."""
        words = {
            "{colleague}": self.people["lead"].pk,
            "{queued}": self.queued.number,
            "{ticket}": objects.ticket.number,
            "{reach}": "own" if objects.text.owner_id else "team",
            "person:{colleague}": f"person:{self.people['lead'].pk}",
        }
        body = BODIES.get(door.name)
        return body and {key: words.get(x, x) if isinstance(x, str) else x for key, x in body.items()}


# --- the least valid body of an API operation ------------------------------------------------------------------------

_TELLING: dict[str, Any] = {"department": "rnd", "channel": "web", "scopes": [], "into": "GD20200101001"}


def example(about: Mapping[str, Any]) -> Any:
    """The least body that its schema takes."""
    return _example(about["schema"], about["known"]) if about else {}


def _example(schema: Mapping[str, Any], known: Mapping[str, Any], name: str = "") -> Any:
    if "$ref" in schema:
        return _example(known[schema["$ref"].rpartition("/")[2]], known, name)
    if name in _TELLING:
        return _TELLING[name]
    for choice in ("allOf", "anyOf", "oneOf"):
        if choice in schema:
            return _example(schema[choice][0], known, name)
    if "enum" in schema or "const" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        wanted = schema.get("required", [])
        return {one: _example(schema["properties"][one], known, one) for one in wanted}
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    plain: dict[Any, Any] = {"array": [], "boolean": False}
    if kind in plain:
        return plain[kind]
    return (
        "2026-05-06T09:00:00+08:00" if schema.get("format") == "date-time" else "x" * max(1, schema.get("minLength", 1))
    )
