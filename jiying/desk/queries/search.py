"""Search (D9): by words, number or its end, customer's name, phone or its end, e-mail; only what one may see.

Candidates are the latest tickets that fit (`word_index`), cut by marks of rights and filters, asked of `visible` again,
and ranked here by where the words stand and how fresh the ticket is. Masked data is found whole or, of a phone, by its
last four digits; by other parts only for those who may reveal it: nobody guesses a number out digit by digit.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Coalesce, Substr

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import Denied
from jiying.core import words
from jiying.core.words import Asked, Piece
from jiying.desk.models import Customer, SearchName, SearchText, Ticket
from jiying.desk.policies import SEEING, visible
from jiying.desk.queries import customers as cards
from jiying.desk.queries import search_text as stored
from jiying.desk.queries import word_index
from jiying.desk.queries.filters import Filters, beyond_marks, marks, narrowed, viewed
from jiying.desk.queries.rows import TicketRow, rows, with_people

RANKED = 200  # of so many latest tickets that fit, the best come first
NARROWED = 1_000  # candidates where the index does not know all filters
READ = 3_000  # characters of a ticket's text that are looked at for its rank
PAGE = 20
CUSTOMERS = 5
_NUMBER = re.compile(r"[a-z]{0,4}\d{3,20}", re.ASCII)
_PHONE = re.compile(r"[0-9+() \-]{4,24}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hit:
    """A found ticket: `by` number, customer or words; `part` is where the snippet stands (subject, reply, note …)."""

    row: TicketRow
    by: str
    part: str
    snippet: list[Piece]
    subject: list[Piece]


@dataclass(frozen=True, slots=True)
class Found:
    """`n_found` counts what was ranked; `is_capped`: there are older ones besides."""

    hits: list[Hit]
    customers: list[cards.Found]
    n_found: int = 0
    is_capped: bool = False
    next_offset: int = 0


def number_of(actor: Actor, text: str) -> str:
    """The ticket whose whole number was typed, if the actor may see it."""
    found = Ticket.objects.filter(visible(actor), number=text.strip().upper()).values_list("number", flat=True)
    return found.first() or ""


def search(actor: Actor, filters: Filters, now: datetime, *, offset: int = 0, limit: int = PAGE) -> Found:
    """One page of what fits `filters.q` and all else that is asked, in a constant number of queries."""
    if actor.rights.isdisjoint(SEEING):
        raise Denied("desk.view_own")
    asked = words.of_query(filters.q)
    looked = _candidates(actor, filters, asked, NARROWED if beyond_marks(filters) else RANKED + 1)
    narrow = Q(visible(actor), viewed(filters.view, actor, now), narrowed(filters, actor, now))
    found = Ticket.objects.filter(narrow, pk__in=looked.ids).annotate(
        heard_at=Coalesce("last_message_at", "received_at")
    )
    by_receipt = filters.sort == "received"
    order = ("-received_at", "-pk") if by_receipt else ("-pk",)
    fresh = list(found.order_by(*order).values_list("pk", "heard_at", "ended_at")[: RANKED + 1])
    ids = [row[0] for row in fresh[:RANKED]] if by_receipt else _rank(fresh[:RANKED], looked, asked, now)
    return Found(
        hits=_hits(ids[offset : offset + limit], looked, asked, now),
        customers=cards.as_found(looked.customers[:CUSTOMERS]) if not offset else [],
        n_found=len(ids),
        is_capped=looked.is_capped or len(fresh) > RANKED,
        next_offset=offset + limit if len(ids) > offset + limit else 0,
    )


def ids_of(actor: Actor, filters: Filters) -> list[int]:
    """For a list that is narrowed by words: the latest tickets that fit, not yet asked of `visible`."""
    return _candidates(actor, filters, words.of_query(filters.q), NARROWED).ids


# --- candidates ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Candidates:
    text: str
    by_number: list[int]
    by_customer: list[int]
    by_words: list[int]
    customers: list[Customer]
    is_capped: bool

    @property
    def ids(self) -> list[int]:
        return list({*self.by_number, *self.by_customer, *self.by_words})


def _candidates(actor: Actor, filters: Filters, asked: Asked, limit: int) -> _Candidates:
    """Tickets that may fit, by each of the ways in."""
    text = words.normal(filters.q).strip()
    groups = marks(filters, actor)
    if (reach := stored.reach(actor)) is not None:
        groups.append(reach)
    known = _customers(actor, text)
    theirs = Ticket.objects.filter(customer__in=known).order_by("-received_at") if known else Ticket.objects.none()
    by_words = word_index.newest(asked, groups, limit)
    return _Candidates(
        text=text,
        by_number=_by_number(text),
        by_customer=list(theirs.values_list("pk", flat=True)[:RANKED]),
        by_words=by_words,
        customers=known,
        is_capped=len(by_words) >= limit,
    )


def _by_number(text: str) -> list[int]:
    """The latest tickets whose number ends with the text; with its letters it may be the number's beginning, too."""
    if not _NUMBER.fullmatch(text):
        return []
    ends = SearchText.objects.filter(word_index.begins("tail", [stored.tail_of(text)])).order_by("-pk")
    found = list(ends.values_list("pk", flat=True)[:50])
    if text[0].isalpha():
        starts = Ticket.objects.filter(word_index.begins("number", [text.upper()])).order_by("-number")
        found += starts.values_list("pk", flat=True)[:50]
    return found


def _customers(actor: Actor, text: str) -> list[Customer]:
    """The latest customers of that name, phone, e-mail or outside key, the whole of it or what a part may find."""
    if len(text) < 2:
        return []
    wanted = Q(ref=text) | Q(ref=text.upper()) | _personal(text, "desk.reveal" in actor.rights)
    found = Customer.objects.filter(wanted)
    if actor.rights.isdisjoint({"desk.create", "desk.view_all"}):
        found = found.filter(pk__in=Ticket.objects.filter(visible(actor)).values("customer_id"))
    return list(found.order_by("-pk")[: CUSTOMERS * 4])


def _personal(text: str, by_part: bool) -> Q:
    digits = "".join(c for c in text if c.isdigit())
    if _PHONE.fullmatch(text) and 4 <= len(digits) <= 20:
        if len(digits) == 4:
            return Q(phone_tail=digits)
        whole = digits[2:] if digits.startswith("86") and len(digits) == 13 else digits
        return Q(phone_tail=whole[-4:], phone__endswith=whole) if by_part else Q(phone=whole)
    if "@" in text:
        return word_index.begins("email", [text]) if by_part else Q(email=text)
    name = stored.name_of(text)[:40]
    named = SearchName.objects.filter(word_index.begins("piece", [name]) if by_part else Q(piece=name, is_whole=True))
    return Q(pk__in=list(named.order_by("-customer_id").values_list("customer_id", flat=True)[: CUSTOMERS * 4]))


# --- rank ------------------------------------------------------------------------------------------------------------


_Row = tuple[int, datetime, datetime | None]  # id, when it was last heard of, when it ended


def _rank(found: Sequence[_Row], looked: _Candidates, asked: Asked, now: datetime) -> list[int]:
    """Best first: a number that was typed, then tickets with the words in the best places and the fresh ones."""
    ids = [row[0] for row in found]
    begun = SearchText.objects.filter(pk__in=ids).annotate(start=Substr("text", 1, READ))
    texts = dict(begun.values_list("pk", "start"))
    typed = {**dict.fromkeys(looked.by_customer, 8.0), **dict.fromkeys(looked.by_number, 100.0)}
    scores = {
        pk: typed.get(pk, 0.0) + _score(texts.get(pk, ""), looked.text, asked) + _freshness(at, ended_at, now)
        for pk, at, ended_at in found
    }
    return sorted(scores, key=lambda pk: (-scores[pk], -pk))


def _score(stored_text: str, text: str, asked: Asked) -> float:
    """Words in the subject count most, then what was asked first; the words just as they were typed count again."""
    looked_for = [*asked.needed, *asked.wished, *([asked.begins] if asked.begins else [])]
    score = 0.0
    for part in stored_text.lower().split(stored.PART):
        weight = {stored.SUBJECT: 4.0, stored.DESCRIPTION: 1.5}.get(part[:1], 1.0)
        score = max(score, 0.0) + weight * sum(1 for word in looked_for if word in part) / max(1, len(looked_for))
        score += weight / 2 if text and text in part else 0.0
        if score > 12:
            return 12.0
    return score


def _freshness(at: datetime, ended_at: datetime | None, now: datetime) -> float:
    days = max(0.0, (now - at).total_seconds() / 86_400)
    return 4.0 * math.exp(-days / 14) + (0.5 if ended_at is None else 0.0)


# --- what is shown ---------------------------------------------------------------------------------------------------

_PARTS = {"s": "subject", "d": "description", "r": "reply", "c": "customer", "n": "note", "p": "call"}


def _hits(ids: Sequence[int], looked: _Candidates, asked: Asked, now: datetime) -> list[Hit]:
    tickets = with_people(Ticket.objects.filter(pk__in=ids)).in_bulk()
    shown = {row.id: row for row in rows([tickets[pk] for pk in ids if pk in tickets], now)}
    texts = dict(SearchText.objects.filter(pk__in=ids).values_list("pk", "text"))
    return [_hit(shown[pk], texts.get(pk, ""), asked, pk in looked.by_number) for pk in ids if pk in shown]


def _hit(row: TicketRow, text: str, asked: Asked, is_number: bool) -> Hit:
    parts = [part for part in text.split(stored.PART) if part]
    told = [part for part in parts if part[0] != stored.SUBJECT]
    best = max(told, key=lambda part: len(words.hits(part[1:], asked)), default="")
    subject = words.snippet(row.subject, asked, 200)
    has_words = any(piece.is_hit for piece in subject) or bool(best and words.hits(best[1:], asked))
    by = "number" if is_number else "words" if has_words else "customer"
    return Hit(row, by, _PARTS.get(best[:1], ""), words.snippet(best[1:], asked) if best else [], subject)


def offset_of(marker: str | None) -> int:
    """Where the page of a marker begins."""
    return max(0, int(cursors.decode("search", marker, 1)[0] or 0)) if marker else 0
