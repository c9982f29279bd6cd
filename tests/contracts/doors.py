"""Every door of the house: each page of the URL conf and each API operation, with an example of what lies behind it.

A new address whose parameters are not known here fails: add its example to `Stage.parameters`, and what it must be
sent to `BODIES`, so that permission and masking tests walk through it too.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from jiying.alerts.models import Delivery, OnCall
from jiying.base import connections, documents, files, tokens
from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Attachment, Connection, Department, Job, Person, Role, Team, VersionedDocument
from jiying.base.models.journal import JournalEntry
from jiying.channels.models import CallBack, Chat, CrmSend, Enclosure, HookCall, Mail, Outbox, PhoneCall
from jiying.channels.models.hooks_out import HookDelivery
from jiying.channels.services import portal, widgets
from jiying.clocks.models import Clock, Revision
from jiying.desk.models import (
    AgentLoad,
    CannedText,
    Customer,
    CustomerOffer,
    Draft,
    HandUp,
    Message,
    OfferKind,
    OutsideEvent,
    OutsideKind,
    RepeatContact,
    SavedView,
    Ticket,
    TicketLink,
)
from jiying.desk.services import (
    automation_setup,
    collaboration,
    flow_setup,
    flows,
    form_setup,
    handling,
    routing,
    rules,
    talking,
)
from jiying.desk.services.customers import CustomerData
from jiying.insight.models import KeptReport
from jiying.quality.models import Callback, Survey, SurveyDesign
from jiying.quality.queries import links
from tests.cast import PASSWORD, Cast
from tests.contracts import computed
from tests.contracts.addresses import METHODS, Door, operations, pages
from tests.contracts.bodies import BODIES

ROLES = ("agent", "lead", "supervisor", "qa", "operations", "planner", "manager", "responder", "admin")
# Rights are decided in Python: each role walks on one of the databases; a leader, whose queries differ most, on both.
_WALK_ON = {
    "sqlite": ("agent", "lead", "supervisor", "operations", "manager"),
    "postgres": ("lead", "qa", "planner", "responder", "admin"),
}
WALKED = ROLES if os.environ.get("JIYING_WRITE_PERMISSIONS") else _WALK_ON[os.environ.get("JIYING_TEST_DB", "sqlite")]
RELATIONS = ("own", "team", "other")


_found: set[Door] = set()  # of this process: they are the same on every stage


def doors(stage: "Stage") -> list[Door]:
    """Every operation of the house; a page says itself which methods it takes."""
    if _found:
        return sorted(_found)
    _found.update(operations())
    client = stage.client("admin")
    for route in pages():
        door = Door(route, "OPTIONS")
        answer = client.options(stage.path(door, "admin", "own"))
        allowed = [m.strip() for m in answer.get("Allow", "GET, POST").split(",")]
        _found.update(Door(route, method) for method in allowed if method.lower() in METHODS)
    return sorted(_found)


# --- what lies behind them -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Objects:
    """A ticket with all that hangs on it, and the person it belongs to."""

    person: Person
    ticket: Ticket
    message: Message
    customer: Customer
    asked_id: int
    survey: Survey  # of the same ticket, with a call-back
    callback_id: int
    clock_id: int
    file_id: int
    token_id: int
    session_id: int
    hand_up_id: int
    draft_file_id: int
    text: CannedText
    view_id: int  # a saved view of their own
    bulk_id: int  # what they did with many tickets at once
    task_id: int
    link_id: int  # their ticket, tied to a colleague's that waits in the queue
    offer_id: int
    event_id: int
    mail_id: int
    repeat_id: int  # the same tickets, as a repeat contact
    call_id: int
    call_back_id: int
    portal: str  # the signed part of the customer's own address
    chat: str  # number of a chat with the same customer


SECRET = CustomerData(
    name="司徒静怡", phone="13912340000", email="situ.jingyi@example.com", address="上海市浦东新区张杨路五百号"
)


DOORBELL = connections.Kind("doorbell", "门铃", "systems", fields=(), test=lambda _open: "叮咚")


class Stage:
    """One person of each shipped role in team 1; for each a ticket of their own, one of the team's, one of team 2's."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self._n = cast, 0
        self._clients: dict[str, tuple[Client, str]] = {}
        Department.objects.create(code="rnd", name="研发部")
        Role.objects.create(code="spare", name="备用")
        service = Department.objects.get(code="service")
        self.second_line = Team.objects.create(code="second", name="二线")
        self.people = {role: self._hire(role, service) for role in ROLES}
        self.hotline = Connection.objects.create(kind="cti", code="hotline", name="热线")
        self.colleague = self._hire("agent", service, "colleague")
        stranger = self._hire("agent", service, "stranger")
        Person.objects.filter(pk=stranger.pk).update(team=cast.team2)
        stranger.refresh_from_db()
        self._set_up()
        self.queued = self.cast.ticket(subject="同一件事")
        routing.transfer(actor=SYSTEM, number=self.queued.number, to_team=cast.team1.pk, now=timezone.now())
        connections.register(DOORBELL)
        bell = Connection.objects.create(kind="doorbell", code="visit", name="门铃")
        Connection.objects.create(kind=widgets.KIND, code="site", name="官网")
        self.own = {role: self._objects(person, asks="logistics") for role, person in self.people.items()}
        somebody = self.own["agent"].customer
        about = {"connection": bell, "created_at": timezone.now(), "parked_at": timezone.now(), "last_error": "x"}
        day = date(2026, 9, 8)
        self.report = KeptReport.objects.create(
            kind="day", first=day, last=day, made_at=self.cast.now, body=computed.A_REPORT
        )
        self.replay = computed.a_replay()
        self.crm_send = CrmSend.objects.create(customer=somebody, key="k", **about)
        erp = Connection.objects.create(kind="hook_out", code="erp9", name="ERP", options={"events": []})
        told = {"entry": JournalEntry.objects.order_by("pk")[0], "position": 1, "event": "ticket.opened"}
        self.hook = HookDelivery.objects.create(connection=erp, created_at=timezone.now(), state="sent", **told)
        self.team, self.other = self._objects(self.colleague), self._objects(stranger)
        self.delivery = Delivery.objects.create(person=self.colleague, way="mail", key="k", state="dead")
        self.on_call = OnCall.objects.create(
            person=self.colleague, team=cast.team1, starts_at=cast.now, ends_at=cast.now + timedelta(days=1)
        )
        messenger = Connection.objects.create(kind="social", code="messenger", name="社交媒体")
        self.hook_call = HookCall.objects.create(
            connection=messenger, kind="social", key="k", body="x", state="refused", received_at=self.cast.now
        )
        self.export = files.keep_made(
            ContentFile(b"PK"),
            name="customer.zip",
            media_type="application/zip",
            subject_kind="customer_export",
            subject_id=self.team.customer.pk,
            now=timezone.now(),
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
        AgentLoad.objects.create(person=person, channel="web", capacity=0, idle_since=timezone.now())
        return person

    def _objects(self, person: Person, asks: str = "rnd") -> Objects:
        """A responder's own ticket is a colleague's, on which their department was asked."""
        self._n += 1
        now = timezone.now() - timedelta(minutes=3)
        by = self.colleague if person.department_id == self.cast.logistics.pk else person
        told = CustomerData(
            name=f"{SECRET.name}{self._n}", phone=f"1391234{self._n:04d}", email=f"situ.jingyi{self._n}@example.com",
            address=f"{SECRET.address}{self._n}号",
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
        Outbox.objects.create(message=message, ticket=ticket, key=f"key{self._n}", state="failed", created_at=now)
        Attachment.objects.filter(pk=loose.pk).update(subject_id=draft.pk)
        return Objects(
            person=person,
            draft_file_id=loose.pk,
            text=CannedText.objects.create(title="问候", body="您好", changed_at=now, **self._reach(person)),
            ticket=ticket,
            message=message,
            customer=Customer.objects.get(tickets=ticket),
            asked_id=asked.pk,
            **self._survey(ticket, now),
            clock_id=Clock.objects.filter(subject_kind="ticket", subject_id=ticket.pk).order_by("pk")[0].pk,
            file_id=kept.pk,
            session_id=UserSession.objects.create(
                user=person, ip="192.0.2.7", session_key=f"session-{self._n}", user_agent="x"
            ).pk,
            hand_up_id=HandUp.objects.create(
                ticket=ticket, team=self.second_line, line=2, asked_by=by, asked_at=now
            ).pk,
            view_id=SavedView.objects.create(owner=person, name="急单", filters={"priority": "P1"}, changed_at=now).pk,
            bulk_id=Job.objects.create(
                kind="desk.bulk",
                params={"action": "tag", "numbers": [], "values": {}},
                created_by=person,
                finished_at=now,
            ).pk,
            task_id=self._task(ticket, now),
            link_id=self._tie(ticket, "related", now).pk,
            offer_id=self._offer(ticket, now),
            event_id=self._event(ticket, now),
            mail_id=self._mail(ticket, now),
            repeat_id=self._repeat(ticket, now).pk,
            call_id=PhoneCall.objects.create(
                connection=self.hotline,
                call_id=f"c{self._n}",
                state="talked",
                ticket=ticket,
                message=message,
                begun_at=now,
            ).pk,
            call_back_id=CallBack.objects.create(number=told.phone, ticket=ticket, called_at=now).pk,
            portal=portal.address(actor=SYSTEM, number=ticket.number).rstrip("/").rpartition("/")[2],
            chat=self._chat(ticket, by, now),
            token_id=person.tokens.get(digest=tokens.digest(secret)).pk,
        )

    def _chat(self, ticket: Ticket, person: Person, now: datetime) -> str:
        Enclosure.objects.create(ticket=ticket, kind="image", state="failed", created_at=now)
        chat = self.cast.ticket(subject="在吗", channel="chat", customer_id=ticket.customer_id, now=now)
        Chat.objects.create(ticket=chat, here_at=now)
        self._hand_to(person, chat)
        return chat.number

    def _reach(self, person: Person) -> dict[str, Any]:
        """Whose canned text it is: a role's own, and those of the two teams."""
        return {"owner": person} if person.username.startswith("the-") else {"team": person.team}

    def _set_up(self) -> None:
        """A task flow and an intake form."""
        steps = [{"key": "call", "title": "回访", "mandatory": False, "checklist": ["已接通"]}]
        now = timezone.now() - timedelta(hours=1)
        for key in ("visit", "callback"):  # the first runs on every ticket
            flow_setup.save(actor=SYSTEM, key=key, title="回访", body={"steps": steps}, now=now)
        body = {"fields": [{"key": "order_no", "label": "订单号"}]}
        form_setup.save(actor=SYSTEM, key="visit", title="登记", body=body, now=now)
        rule = {"on": False, "when": {"event": "opened"}, "if": [], "then": [{"do": "note", "text": "请跟进"}]}
        automation_setup.save(actor=SYSTEM, key="visit", title="提醒", body=rule, now=now)
        OutsideKind.objects.create(code="visit", name_zh="上门")
        rules.begin(actor=SYSTEM, now=now)
        documents.forget()

    def _task(self, ticket: Ticket, now: datetime) -> int:
        """A task that may be left out, with a checklist."""
        run = flows.start(actor=SYSTEM, number=ticket.number, flow="visit", now=now)
        return int(run.steps.get().pk)

    def _offer(self, ticket: Ticket, now: datetime) -> int:
        kind = OfferKind.objects.get(code="voucher")
        return int(CustomerOffer.objects.create(ticket=ticket, kind=kind, is_shown=True, made_at=now).pk)

    def _event(self, ticket: Ticket, now: datetime) -> int:
        """One that matched nothing, of a customer who is somebody all the same."""
        about = {"source": "erp", "event_id": f"E{ticket.pk}", "kind": "unheard", "state": "unmatched"}
        told = {"name": SECRET.name, "phone": f"1391234{self._n:04d}", "email": f"situ.jingyi{self._n}@example.com"}
        made = OutsideEvent.objects.create(**about, told=told, reason="unknown_kind", occurred_at=now, received_at=now)
        return int(made.pk)

    def _mail(self, ticket: Ticket, now: datetime) -> int:
        """An automatic reply of their customer on their ticket."""
        box, _made = Connection.objects.get_or_create(kind="mailbox", code="inbox", defaults={"name": "客服邮箱"})
        sender = f"situ.jingyi{self._n}@example.com"
        digest = files.write(ContentFile(f"From: {sender}\nSubject: =?utf-8?B?6Ieq5Yqo5Zue5aSN?=\n\nhi\n".encode()))
        made = Mail.objects.create(
            connection=box, uid_validity=1, uid=ticket.pk, sha256=digest, received_at=now, stored_at=now,
            state="automatic", reason="auto_reply", sender=sender,
            sender_name=SECRET.name, subject="自动回复", said="我在休假", ticket=ticket,
        )  # fmt: skip
        return int(made.pk)

    def _survey(self, ticket: Ticket, now: datetime) -> dict[str, Any]:
        """One that was answered badly, and can still be changed."""
        design = SurveyDesign.objects.get(code="closing")
        survey = Survey.objects.create(
            ticket=ticket, design=design, kind="rating", items=["speed"], state="answered", score=2, made_at=now,
            opens_at=now, expires_at=now + timedelta(days=7), answered_at=now, channel=ticket.channel,
            agent=ticket.assignee, team=ticket.team,
        )  # fmt: skip
        return {"survey": survey, "callback_id": Callback.objects.create(survey=survey, opened_at=now).pk}

    def _tie(self, ticket: Ticket, kind: str, now: datetime) -> TicketLink:
        """To a ticket that everybody of the desk sees."""
        return TicketLink.objects.create(ticket=ticket, other=self.queued, kind=kind, made_at=now)

    def _repeat(self, ticket: Ticket, now: datetime) -> RepeatContact:
        link = self._tie(ticket, "repeat", now)
        return RepeatContact.objects.create(link=link, by="text", likeness=0.8, gap_s=60, found_at=now)

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
        Revision.objects.create(quarter="2026Q3", opened_at=timezone.now())
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
            "tickets": {
                "number": objects.ticket.number,
                "what": "texts",
                "kind": "reply",
                "pk": objects.message.pk,
            },
            "messages": {"message_id": objects.message.pk},
            "hooks": {
                "kind": "social",
                "code": "messenger",
                "pk": self.hook.pk if "/log/" in door.route else self.hook_call.pk,
            },
            "hook-calls": {"call_id": self.hook_call.pk},
            "calls": {"pk": objects.call_id if door.route.endswith("wrap-up") else objects.call_back_id},
            "call-backs": {"call_back_id": objects.call_back_id},
            "phone-calls": {"call_id": objects.call_id},
            "canned": {"pk": objects.text.pk},
            "canned-texts": {"text_id": objects.text.pk},
            "drafts": {"pk": objects.draft_file_id},
            "standards": {"number": self.draft, "key": "logistics", "verb": "propose", "quarter": "2026Q3"},
            "standard-revisions": {"quarter": "2026Q3"},
            "collaboration-standards": {"number": self.draft, "key": "logistics"},
            "asked": {"pk": objects.asked_id},
            "collaborations": {"collaboration_id": objects.asked_id},
            "clocks": {"pk": objects.clock_id, "clock_id": objects.clock_id},
            "customers": {"pk": objects.customer.pk, "customer_id": objects.customer.pk, "file_id": self.export.pk},
            "files": {"pk": objects.file_id},
            "people": {"person_id": objects.person.pk, "code": "agent", "token_id": objects.token_id},
            "tokens": {"token_id": objects.token_id},
            "me": {"token_id": objects.token_id, "session_id": objects.session_id},
            "accounts": {"pk": 1, "provider_id": "sso"},
            "calendars": {"key": "work", "name": "2026-05-06", "kind": "csv"},
            "setup": {"where": "order", "key": "visit", "number": 2, "verb": "propose"},
            "priority-rules": {"number": 2},
            "task-flows": {"key": "visit"},
            "automations": {"key": "visit"},
            "intake-forms": {"key": "visit"},
            "supervise": {"pk": objects.person.pk},
            "tasks": {"pk": objects.task_id, "item": 0, "task_id": objects.task_id},
            "alerts": {
                "delivery_id": self.delivery.pk,
                "on_call_id": self.on_call.pk,
                "key": "warning",
                "verb": "up",
            },
            "teams": {"code": "team9"},
            "departments": {"code": "dep9"},
            "roles": {"code": {"POST": "agent", "DELETE": "spare"}.get(door.method, "role9")},
            "settings": {"name": "site.name"},
            "connections": {"kind": "doorbell", "code": "erp9" if door.route.endswith("/replay") else "visit"},
            "hook-deliveries": {"delivery_id": self.hook.pk},
            "crm": {"pk": self.crm_send.pk if door.route.endswith("/retry") else objects.customer.pk},
            "reports": {"pk": self.report.pk, "report_id": self.report.pk},
            "crm-sends": {"send_id": self.crm_send.pk},
            "on-call": {"on_call_id": self.on_call.pk},
            "exchange": {"job_id": 1, "file_id": 1},
            "exports": {"export_id": 1},
            "lines": {"pk": objects.hand_up_id},
            "views": {"pk": objects.view_id, "view_id": objects.view_id},
            "bulk": {"action": "tag", "pk": objects.bulk_id, "bulk_id": objects.bulk_id},
            "links": {"pk": objects.link_id},
            "ticket-links": {"link_id": objects.link_id},
            "repeats": {"pk": objects.repeat_id},
            "replays": {"replay_id": self.replay},
            "s": {"token": links.path(objects.survey).rstrip("/").rpartition("/")[2]},
            "surveys": {"key": "closing", "number": objects.ticket.number},
            "survey-designs": {"key": "visit9"},
            "callbacks": {"pk": objects.callback_id, "callback_id": objects.callback_id},
            "repeat-contacts": {"link_id": objects.repeat_id},
            "hand-ups": {"hand_up_id": objects.hand_up_id},
            "outside": {"pk": objects.event_id},
            "mail": {"pk": objects.mail_id},
            "mails": {"mail_id": objects.mail_id},
            "outside-events": {"event_id": objects.event_id},
            "outside-kinds": {"key": "visit9"},
            "offers": {"pk": objects.offer_id, "offer_id": objects.offer_id},
            "chat": {"key": "site", "signed": "x"},
            "chats": {"number": objects.chat},
            "p": {"offer_id": objects.offer_id, "token": objects.portal, "pk": objects.file_id},
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
            "{strangers_customer}": self.other.customer.pk,
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
