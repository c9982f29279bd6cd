"""What search knows of a ticket and of a customer: texts, their words, and marks of who may see it and how it is filed.

`reach` says the same as `policies.visible`, in marks: candidates are cut by it early, and asked of `visible` again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from jiying.base.actor import Actor
from jiying.core import words
from jiying.desk.models import Collaboration, Customer, HandUp, Message, SearchName, SearchText, Ticket

MAX_TEXT = 20_000  # characters of a ticket that are looked into: the beginning, and of its messages the latest
PART = "\x1e"
# Letters before the parts of a text. A note is found by whoever sees the ticket: they read it there too.
SUBJECT, DESCRIPTION = "s", "d"
LETTERS = {"reply": "r", "customer": "c", "note": "n", "call": "p"}
_MARK, _DOT = "\ue000", "\ue001"  # of Unicode's private use: letters for both indexes, and in no word (core.words)
_CLOSE, _WIDE = 12, 16  # bits: 4,096 and 65,536 tickets in a row share a mark


def mark(kind: str, value: object) -> str:
    """A mark that can be asked for like a word, and that nobody can write into a text."""
    text = "".join(c if c.isalnum() else _DOT for c in str(value).lower())
    return f"{_MARK}{kind}{text[:60]}"


def windows(last: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Marks of the latest tickets before `last`: of a few thousand, and of about a hundred thousand."""
    close, wide = last >> _CLOSE, last >> _WIDE
    return (
        tuple(mark("w", n) for n in (close, close - 1) if n >= 0),
        tuple(mark("x", n) for n in (wide, wide - 1) if n >= 0),
    )


def reach(actor: Actor) -> tuple[str, ...] | None:
    """Marks of which a ticket has at least one if the actor may see it; None: all tickets."""
    if "desk.view_all" in actor.rights:
        return None
    found: set[str] = set()
    if "desk.view_team" in actor.rights:
        found |= {mark("t", actor.team_id)} if actor.team_id else set()
        found.add(mark("q", 0))
    if "desk.view_own" in actor.rights:
        found |= {mark("a", actor.id), mark("o", actor.id), mark("q", 0)}
        found |= {mark("q", actor.team_id), mark("u", actor.team_id), mark("l", actor.id)} if actor.team_id else set()
    if "desk.answer" in actor.rights and actor.department_id is not None:
        found.add(mark("d", actor.department_id))
    return tuple(sorted(found))


def category_marks(path: str) -> list[str]:
    """A category and all above it."""
    parts = path.split("/")
    return [mark("k", "/".join(parts[: n + 1])) for n in range(len(parts)) if path]


def marks_of(ticket: Ticket, others: Iterable[str] = ()) -> Iterator[str]:
    """How a ticket is filed and who may see it; `others` are marks of what hangs on it."""
    yield mark("t", ticket.team_id or 0)
    yield mark("a", ticket.assignee_id or 0)
    if ticket.opened_by_id:
        yield mark("o", ticket.opened_by_id)
    if ticket.assignee_id is None:
        yield mark("q", ticket.team_id or 0)
    yield from others
    yield mark("e", int(ticket.is_ended))
    yield mark("c", ticket.channel)
    yield mark("p", ticket.priority)
    yield mark("y", ticket.type)
    yield mark("v", ticket.tier)
    yield from category_marks(ticket.category)
    yield from (mark("g", tag) for tag in ticket.tags)
    yield mark("w", ticket.pk >> _CLOSE)
    yield mark("x", ticket.pk >> _WIDE)


def texts(ids: Collection[int]) -> list[SearchText]:
    """Unsaved rows of these tickets as they are now, in four queries."""
    tickets = list(Ticket.objects.filter(pk__in=ids).order_by("pk"))
    said: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = Message.objects.filter(ticket_id__in=ids).order_by("-at", "-pk")
    for ticket_id, kind, body in rows.values_list("ticket_id", "kind", "body"):
        said[ticket_id].append((LETTERS[kind], body))
    others = _others(ids)
    return [_row(ticket, said[ticket.pk], others[ticket.pk]) for ticket in tickets]


def _others(ids: Collection[int]) -> dict[int, list[str]]:
    """Marks of departments that were asked, and of higher lines that have or had these tickets."""
    found: dict[int, list[str]] = defaultdict(list)
    asked = Collaboration.objects.filter(ticket_id__in=ids).order_by("pk")
    for ticket_id, department in asked.values_list("ticket_id", "department_id"):
        found[ticket_id].append(mark("d", department))
    handed = HandUp.objects.filter(ticket_id__in=ids).order_by("pk")
    for ticket_id, team, person, state in handed.values_list("ticket_id", "team_id", "person_id", "state"):
        found[ticket_id] += [mark("u", team)] if state in (HandUp.State.ASKED, HandUp.State.TAKEN) else []
        found[ticket_id] += [mark("l", person)] if person else []
    return found


def _row(ticket: Ticket, said: Iterable[tuple[str, str]], others: Iterable[str]) -> SearchText:
    text = _text(ticket, said)
    found = words.of_text(text.replace(PART, " \n "))
    marks = dict.fromkeys(marks_of(ticket, others))
    return SearchText(
        ticket_id=ticket.pk, tail=tail_of(ticket.number), text=text, words=" ".join([*sorted(found), *marks])
    )


def _text(ticket: Ticket, said: Iterable[tuple[str, str]]) -> str:
    parts = [(SUBJECT, ticket.subject), (DESCRIPTION, ticket.description), *said]
    cleaned = [letter + body.replace(PART, " ") for letter, body in parts if body]
    return PART.join(cleaned)[:MAX_TEXT]


def tail_of(number: str) -> str:
    """A ticket's number backwards, so that its end is a beginning."""
    return number.lower()[::-1][:24]


# --- customers -------------------------------------------------------------------------------------------------------


def names(ids: Collection[int]) -> list[SearchName]:
    """Unsaved rows of these customers' names and organisations as they are now."""
    rows = []
    for pk, *written in Customer.objects.filter(pk__in=ids).values_list("pk", "name", "organisation"):
        pieces = {piece: False for text in written for piece in _pieces(name_of(text))}
        pieces.update({name_of(text)[:40]: True for text in written if text.strip()})
        rows += [SearchName(customer_id=pk, piece=piece, is_whole=whole) for piece, whole in pieces.items()]
    return rows


def name_of(text: str) -> str:
    return " ".join(words.normal(text).split())


def _pieces(name: str) -> Iterator[str]:
    """A name from its second, third … character or word on."""
    for at in range(1, min(len(name) - 1, 24)):
        if not name[at].isascii() or name[at - 1] == " ":
            yield name[at : at + 40]
