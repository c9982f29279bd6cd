"""What the desk's API takes, written by hand: the wire does not follow the tables."""

from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from jiying.base.api.reading import own_error
from jiying.base.api.wire import MAX_INT, Body, Cursor, Id, Instant, Key, Limit, Line, Prose, Revision
from jiying.desk.queries.tickets_api import Wanted
from jiying.desk.services import customers
from jiying.desk.services.intake import NewTicket

Number = Annotated[str, StringConstraints(max_length=24, pattern=r"^[A-Za-z0-9-]+$")]
Channel = Literal["phone", "chat", "email", "social", "web", "other"]
Type = Literal["inquiry", "complaint", "suggestion", "fault"]
Priority = Literal["P1", "P2", "P3", "P4"]
Status = Literal["new", "assigned", "accepted", "in_progress", "waiting", "resolved", "closed", "cancelled", "merged"]
HoldReason = Literal["customer", "third_party", "department"]
Markup = Literal["plain", "markdown"]
Said = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Tags = Annotated[list[Tag], Field(max_length=20)]
Path = Annotated[str, StringConstraints(max_length=120)]  # of a category: logistics/lost
Name = Annotated[str, StringConstraints(max_length=60)]
MAX_FIELD = 2_000


def _scalar(value: object) -> object:
    """A plain value of an own field; said in one sentence, where a union of types would say one for each of them."""
    if isinstance(value, str) and len(value) > MAX_FIELD:
        raise own_error("too_long", limit=MAX_FIELD, length=len(value))
    if type(value) is int and abs(value) > MAX_INT:
        raise own_error("too_high", limit=MAX_INT, value=str(value)[:80])
    if value is not None and not isinstance(value, str | int | float | bool):
        raise own_error("wrong_type", expected=_("text, a number, true or false"))
    return value


_PLAIN = Field(json_schema_extra={"type": ["string", "number", "boolean", "null"]})
Scalar = Annotated[Any, AfterValidator(_scalar), _PLAIN]
Fields = Annotated[dict[Name, Scalar], Field(max_length=50)]


def _customer_field(name: str) -> AfterValidator:
    """The desk's own check of one of a customer's fields, so that its fault is told together with all others."""

    def check(value: str | None) -> str | None:
        for fault in customers.faults(customers.CustomerData(**{name: value or ""})):
            raise own_error(fault.code, **fault.params)
        return value

    return AfterValidator(check)


class CustomerIn(Body):
    """What is known of the customer; they are found again by `ref`, else phone, else e-mail."""

    ref: Annotated[str, StringConstraints(max_length=80)] | None = None
    name: Annotated[str, StringConstraints(max_length=120)] | None = None
    phone: Annotated[str, StringConstraints(max_length=40), _customer_field("phone")] | None = None
    email: Annotated[str, StringConstraints(max_length=254), _customer_field("email")] | None = None
    tier: Literal["standard", "vip"] | None = None
    organisation: Annotated[str, StringConstraints(max_length=120)] | None = None
    language: Annotated[str, StringConstraints(max_length=10)] | None = None
    address: Annotated[str, StringConstraints(max_length=300)] | None = None
    region: Annotated[str, StringConstraints(max_length=40)] | None = None

    def data(self) -> customers.CustomerData:
        return customers.CustomerData(**{name: value or "" for name, value in self.__dict__.items()})


def _empty(value: object) -> object:
    return "" if value is None else value


class TicketIn(Body):
    """A request. `priority` given = set by hand; `received_at` in the past needs the import right."""

    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    channel: Channel
    description: Annotated[Prose, BeforeValidator(_empty)] = ""
    type: Type | None = None
    customer: CustomerIn | None = None
    customer_id: Id | None = None
    category: Path | None = None
    tags: Tags = []
    priority: Priority | None = None
    received_at: Instant | None = None
    fields: Fields = {}
    amount: Annotated[int, Field(ge=0, le=MAX_INT)] | None = None
    opened_by: Literal["customer", "agent"] = "customer"
    take_it: bool = False

    def request(self, key: str) -> NewTicket:
        """As the desk takes it."""
        return NewTicket(
            subject=self.subject,
            channel=self.channel,
            description=self.description,
            type=self.type or "",
            category=self.category or "",
            tags=tuple(self.tags),
            priority=self.priority,
            received_at=self.received_at,
            customer=self.customer.data() if self.customer else None,
            customer_id=self.customer_id,
            fields=self.fields,
            opened_by=self.opened_by,
            take_it=self.take_it,
            amount=self.amount,
            idempotency_key=key,
        )


class TicketFilter(Schema):
    """`assignee` is an id, `me` or `none`; `q` a ticket's number, or the end of a customer's phone (4 digits or more);
    `sort=due` lists open tickets only."""

    status: list[Status] = []
    channel: list[Channel] = []
    priority: list[Priority] = []
    assignee: Annotated[str, StringConstraints(pattern=r"^(me|none|[1-9][0-9]{0,17})$")] | None = None
    team: Id | None = None
    customer: Id | None = None
    late: bool | None = None
    q: Line | None = None
    received_from: Instant | None = None
    received_to: Instant | None = None
    sort: Literal["due", "received"] = "received"
    cursor: Cursor | None = None
    limit: Limit = 50

    def wanted(self) -> Wanted:
        return Wanted(**{name: getattr(self, name) for name in Wanted.__dataclass_fields__})


class Paging(Schema):
    cursor: Cursor | None = None
    limit: Limit = 100


# --- verbs -----------------------------------------------------------------------------------------------------------


class ReplyIn(Body):
    """`hold_for` lets the ticket wait in the same step; `by` bot or auto is automatic and stops no clock.

    With `last_seen`, the id of the latest message that the writer knows, it is refused where others wrote since.
    """

    body: Said
    markup: Markup = "plain"
    last_seen: Annotated[int, Field(ge=0, le=MAX_INT)] | None = None
    hold_for: HoldReason | None = None
    by: Literal["person", "bot", "auto"] = "person"
    revision: Revision | None = None


class NoteIn(Body):
    """Whoever the body names with @ is told; `mentions` are ids of people, for names that several have."""

    body: Said
    markup: Markup = "plain"
    mentions: Annotated[list[Id], Field(max_length=20)] = []


class CallIn(Body):
    direction: Literal["in", "out"]
    duration_s: Annotated[int, Field(ge=0, le=86_400)]
    note: Prose = ""
    recording_url: Annotated[str, StringConstraints(max_length=500)] = ""


class CustomerMessageIn(Body):
    """`at`: when the customer wrote; more than a minute ago needs the right to import, the future is refused."""

    body: Said
    at: Instant | None = None


class HoldIn(Body):
    reason: HoldReason
    note: Prose = ""
    revision: Revision | None = None


class ResolveIn(Body):
    """Codes are paths of `GET /codes`; the category says whether cause and solution are required."""

    note: Prose = ""
    cause: Path = ""
    solution: Path = ""
    step: Path = ""
    revision: Revision | None = None


class RemarkIn(Body):
    note: Prose = ""


class ReopenIn(Body):
    reason: Prose = ""


class TransferIn(Body):
    """To a person, or back to a team's queue."""

    to_person: Id | None = None
    to_team: Id | None = None
    reason: Prose = ""
    revision: Revision | None = None


class PriorityIn(Body):
    priority: Priority
    reason: Reason
    revision: Revision | None = None


class ReclassifyIn(Body):
    category: Path | None = None
    channel: Channel | None = None
    tags: Tags | None = None
    revision: Revision | None = None


class FieldsIn(Body):
    fields: Fields


class CancelIn(Body):
    reason: Reason


class MergeIn(Body):
    into: Number


class EscalateIn(Body):
    level: Annotated[int, Field(ge=1, le=3)] = 1
    reason: Reason


class CollaborateIn(Body):
    """`department` is its code; `person` one of its people; `hold_ticket` lets the ticket wait for the answer."""

    department: Name
    question: Said
    kind: Annotated[str, StringConstraints(min_length=1, max_length=40)] = "question"
    person: Id | None = None
    hold_ticket: bool = False


class DeclineIn(Body):
    """Why the department does not answer."""

    reason: Said


class HandOnIn(Body):
    """To which department, and why."""

    department: Key
    note: Said


class RespondersIn(Body):
    """Who answers, and who helps."""

    person: Id | None = None
    helpers: Annotated[list[Id], Field(max_length=10)] = []


class AnswerIn(Body):
    answer: Said


class RevealIn(Body):
    """`reason` is wanted where the setting asks for it."""

    ticket: Number
    reason: Line = ""


class PresenceIn(Body):
    presence: Literal["online", "busy", "away", "break", "offline"]
    reason: Name = ""
