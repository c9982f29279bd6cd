"""Facts of the journal in words: one line each, with a why that opens. No other module of the desk words facts."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from jiying.base.models import Department, JournalEntry, Person
from jiying.base.texts import term
from jiying.desk.models import AutomationRun
from jiying.desk.queries import offers, outside

Data = Mapping[str, Any]
# Facts that stand between the messages of the conversation; the journal beside it has all.
IN_TALK = frozenset(
    {
        "ticket.assigned",
        "ticket.unassigned",
        "ticket.queued",
        "ticket.accepted",
        "ticket.held",
        "ticket.resumed",
        "ticket.solved",
        "ticket.confirmed",
        "ticket.closed",
        "ticket.rejected",
        "ticket.reopened",
        "ticket.cancelled",
        "ticket.merged",
        "ticket.received_duplicate",
        "ticket.repeats",
        "ticket.repeated",
        "ticket.linked",
        "ticket.unlinked",
        "ticket.split",
        "ticket.split_from",
        "ticket.reclassified",
        "ticket.erased",
        "ticket.escalated",
        "ticket.automated",
        "ticket.flow_started",
        "ticket.task_done",
        "ticket.task_skipped",
        "ticket.offer_made",
        "ticket.offer_accepted",
        "ticket.offer_refused",
        "ticket.offer_withdrawn",
        "ticket.offer_lapsed",
        "ticket.handed_up",
        "ticket.taken_in",
        "ticket.handed_back",
        "ticket.line_withdrawn",
        "ticket.collaboration_asked",
        "ticket.collaboration_answered",
        "ticket.collaboration_withdrawn",
        "clock.breached",
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One fact: `detail` are lines that open below it."""

    kind: str
    icon: str
    hue: str
    text: str
    at: datetime
    by: str
    detail: tuple[str, ...] = ()


class Names:
    """The people and departments that facts name, read once for all of them."""

    def __init__(self, entries: Collection[JournalEntry]) -> None:
        ids: set[int] = set()
        for entry in entries:
            if entry.actor_kind in ("person", "token") and entry.actor_id:
                ids.add(entry.actor_id)
            ids |= _people_in(entry.data)
        runs = {entry.actor_id for entry in entries if entry.actor_kind == "automation" and entry.actor_id}
        rows = AutomationRun.objects.filter(pk__in=runs).values_list("pk", "title") if runs else ()
        self._automations = dict(rows)
        self._people = dict(Person.objects.filter(pk__in=ids).values_list("pk", "name"))
        told = any(entry.kind.startswith("ticket.offer_") for entry in entries)
        self._offers = offers.labels() if told else {}
        told = any(entry.kind == "ticket.outside_event" for entry in entries)
        self._events = outside.labels() if told else {}
        self._departments = {one.code: one.label for one in Department.objects.all()}

    def person(self, pk: Any) -> str:
        return self._people.get(pk, "") or _("Somebody")

    def department(self, code: Any) -> str:
        return self._departments.get(code, str(code or ""))

    def offer(self, code: Any) -> str:
        return self._offers.get(code, str(code or ""))

    def event(self, code: Any) -> str:
        return self._events.get(code, str(code or ""))

    def actor(self, entry: JournalEntry) -> str:
        if entry.actor_kind in ("person", "token") and entry.actor_id in self._people:
            return self._people[entry.actor_id]
        if title := self._automations.get(entry.actor_id or 0):
            return _("Automation “%(title)s”") % {"title": title}
        return term("actor", entry.actor_kind)


def _people_in(data: Data) -> set[int]:
    why = data.get("why") or {}
    considered = [*why.get("considered", ()), *data.get("considered", ())]
    found = [
        *data.get("people", ()),
        *data.get("unseen", ()),
        data.get("to"),
        data.get("from"),
        data.get("by"),
        *(one.get("id") for one in considered),
    ]
    return {pk for pk in found if isinstance(pk, int)}


def register(kind: str, icon: str, text: Any, hue: str = "") -> None:
    """How a fact of a floor above is told; `text` is a lazy translation without parameters."""
    _KINDS[kind] = (icon, hue, lambda data, names: str(text))


def lines(entries: Iterable[JournalEntry]) -> list[Line]:
    """Facts in words, in the given order; two queries for all names."""
    entries = list(entries)
    names = Names(entries)
    return [line(entry, names) for entry in entries]


def line(entry: JournalEntry, names: Names) -> Line:
    icon, hue, tell = _KINDS.get(entry.kind, ("history", "", lambda data, names: entry.kind))
    text = tell(entry.data, names)
    return Line(entry.kind, icon, hue, text, entry.at, names.actor(entry), tuple(_detail(entry, names)))


# --- what opens below a line -----------------------------------------------------------------------------------------


def _detail(entry: JournalEntry, names: Names) -> Iterable[str]:
    data = entry.data
    if entry.kind in ("ticket.assigned", "ticket.unassigned"):
        yield from explain(data.get("why") or {}, names)
    elif entry.kind == "ticket.queued":
        yield from explain(data, names)
    elif entry.kind == "ticket.automated":
        yield from _automation(data)
    elif entry.kind == "ticket.opened":
        yield _("Channel: %(channel)s") % {"channel": term("channel", data.get("channel", ""))}
        yield from priority_reason(data.get("priority_reason") or {})
    for name in ("reason", "note"):
        text = data.get(name)
        if isinstance(text, str) and text and entry.kind != "ticket.held":
            yield text
    if entry.kind == "ticket.held" and data.get("note"):
        yield data["note"]


def explain(why: Data, names: Names) -> Iterable[str]:
    """Why somebody got a ticket: what decided, who was considered, who was refused and for what (D23)."""
    if decided := why.get("decided_by"):
        yield _("Decided by: %(what)s") % {"what": term("decided_by", decided)}
    if why.get("n_considered"):
        yield _("%(n)s considered, %(able)s able") % {"n": why["n_considered"], "able": why.get("n_able", 0)}
    for one in why.get("considered", ()):
        yield _("%(what)s: %(values)s") % {"what": names.person(one.get("id")), "values": _verdict(one)}
    shown = sum(one.get("verdict") != "able" for one in why.get("considered", ()))
    refused = why.get("refused") or why.get("passed_over") or {}
    if sum(refused.values()) > shown:
        counts = [_("%(why)s: %(n)s") % {"why": term("refusal", code), "n": n} for code, n in refused.items()]
        yield _("Not chosen: %(counts)s") % {"counts": _("; ").join(counts)}


def _automation(data: Data) -> Iterable[str]:
    """What set an automation off, which conditions held, and what it does (D25)."""
    yield _("When: %(event)s") % {"event": term("automation_event", str(data.get("event", "")))}
    for one in (data.get("why") or {}).get("held", ()):
        yield condition(one.get("field", ""), one.get("op", "is"), one.get("values", ()))
    done = [term("automation_act", str(code)) for code in data.get("do", ())]
    yield _("Then: %(what)s") % {"what": _(", ").join(done)}


def condition(name: str, op: str, values: Iterable[Any]) -> str:
    """A condition of an automation in words."""
    group = CONDITION_TERMS.get(name, name)
    named = {"what": term("automation_field", name), "values": _(", ").join(term(group, str(one)) for one in values)}
    return _("%(what)s: %(values)s") % named if op == "is" else _("%(what)s: none of %(values)s") % named


CONDITION_TERMS = {
    "waiting_for": "hold_reason",
    "agent": "yes_no",
    "late": "yes_no",
    "incomplete": "yes_no",
    "escalation": "escalation_level",
    "line": "line_number",
}


def _verdict(one: Data) -> str:
    verdict = one.get("verdict", "")
    if verdict == "able":
        parts = {"load": one.get("load", 0), "capacity": one.get("capacity", 0), "level": one.get("seniority", 0)}
        return _("able, load %(load)s of %(capacity)s, seniority %(level)s") % parts
    word = term("refusal", verdict)
    if "presence" in one:
        return _("%(why)s (%(what)s)") % {"why": word, "what": term("presence", str(one["presence"]))}
    if "skill" in one:
        what = _("%(skill)s needs level %(needed)s, has %(has)s") % {**one, "skill": term("skill", str(one["skill"]))}
        return _("%(why)s (%(what)s)") % {"why": word, "what": what}
    if "capacity" in one:
        return _("%(why)s (%(what)s)") % {"why": word, "what": f"{one.get('load')}/{one['capacity']}"}
    return word


def priority_reason(reason: Data, rule: str = "") -> Iterable[str]:
    """Why a ticket has its priority (D21)."""
    if reason.get("manual"):
        if given := reason.get("reason"):
            yield _("Set by hand: %(reason)s") % {"reason": given}
        else:
            yield _("Set by hand; the rules would give %(priority)s") % {"priority": reason.get("by_rule", "")}
        return
    if title := reason.get("automation"):
        yield _("Set by the automation “%(title)s”") % {"title": title}
    if key := reason.get("rule"):
        rule = _("no rule holds: the default") if key == "default" else rule or key
        yield _("Rule: %(rule)s") % {"rule": rule}
    for one in reason.get("reason", ()):
        yield _matched(one.get("code", ""), one.get("values", ()))


def _matched(code: str, values: Iterable[Any]) -> str:
    fact, _dot, how = code.partition(".")
    words = _(", ").join(term(fact, str(value)) for value in values)
    named = {"what": term("rule_fact", fact), "values": words}
    if how == "none":
        return _("%(what)s: none of %(values)s") % named
    if how == "at_least":
        return _("%(what)s: at least %(values)s") % named
    if how == "at_most":
        return _("%(what)s: at most %(values)s") % named
    return _("%(what)s: %(values)s") % named


# --- one sentence for each kind --------------------------------------------------------------------------------------


def _opened(data: Data, names: Names) -> str:
    return _("Received as %(priority)s") % {"priority": data.get("priority", "")}


def _assigned(data: Data, names: Names) -> str:
    to = {"to": names.person(data.get("to")), "from": names.person(data.get("from"))}
    decided = (data.get("why") or {}).get("decided_by")
    if decided == "opened_it":
        return _("%(to)s opened it and keeps it") % to
    if decided == "taken":
        return _("%(to)s took it from the queue") % to
    if data.get("from"):
        return _("Transferred from %(from)s to %(to)s") % to
    return _("Assigned to %(to)s") % to


def _message(data: Data, names: Names) -> str:
    if data.get("way") == "note":
        return _("Note written")
    if data.get("way") == "call":
        return _("Call from the customer") if data.get("direction") == "in" else _("Call to the customer")
    if data.get("direction") == "in":
        return _("Message from the customer")
    return _("Reply sent") if data.get("by") == "person" else _("Automatic reply sent")


def _mentioned(data: Data, names: Names) -> str:
    people = [names.person(pk) for pk in (*data.get("people", ()), *data.get("unseen", ()))]
    return _("Mentioned: %(names)s") % {"names": _(", ").join(people)}


def _held(data: Data, names: Names) -> str:
    return _("On hold: %(reason)s") % {"reason": term("hold_reason", data.get("reason", ""))}


def _closed(data: Data, names: Names) -> str:
    return _("Closed, nothing more heard") if data.get("after_silence") else _("Closed")


def _merged(data: Data, names: Names) -> str:
    return _("Merged into %(number)s") % {"number": data.get("into", "")}


def _duplicate(data: Data, names: Names) -> str:
    return _("%(number)s was merged into this ticket") % {"number": data.get("number", "")}


def _repeats(data: Data, names: Names) -> str:
    return _("Repeat contact: the same problem as %(number)s") % {"number": data.get("number", "")}


def _repeated(data: Data, names: Names) -> str:
    return _("The customer came again with this problem: %(number)s") % {"number": data.get("number", "")}


def _repeat_judged(data: Data, names: Names) -> str:
    if data.get("dismissed"):
        return _("Not a repeat contact of %(number)s after all") % {"number": data.get("number", "")}
    about = {"number": data.get("number", ""), "cause": term("repeat_cause", data.get("cause", ""))}
    return _("Cause of the repeat contact (%(number)s): %(cause)s") % about


def _linked(data: Data, names: Names) -> str:
    return _("Linked to %(number)s") % {"number": data.get("number", "")}


def _unlinked(data: Data, names: Names) -> str:
    return _("No longer linked to %(number)s") % {"number": data.get("number", "")}


def _split(data: Data, names: Names) -> str:
    return _("%(number)s was split off") % {"number": data.get("number", "")}


def _split_from(data: Data, names: Names) -> str:
    return _("Split off %(number)s") % {"number": data.get("number", "")}


def _reclassified(data: Data, names: Names) -> str:
    before = data.get("before") or {}
    if "priority" in before:
        return _("Priority changed from %(old)s to %(new)s") % {"old": before["priority"], "new": data.get("priority")}
    changed = [term("ticket_field", name) for name in before]
    return _("Changed: %(fields)s") % {"fields": _(", ").join(changed)}


def _escalated(data: Data, names: Names) -> str:
    return _("Escalated to level %(level)s") % {"level": data.get("level", "")}


def _automated(data: Data, names: Names) -> str:
    return _("Automation: %(title)s") % {"title": data.get("title", "")}


def _told(data: Data, names: Names) -> str:
    people = _(", ").join(names.person(pk) for pk in data.get("people", ()))
    return _("Told: %(names)s") % {"names": people}


def _completed(data: Data, names: Names) -> str:
    if data.get("missing"):
        return _("Details added, some are still missing")
    return _("Details completed")


def _task(data: Data, names: Names) -> str:
    return _("Task done: %(title)s") % {"title": data.get("title", "")}


def _task_skipped(data: Data, names: Names) -> str:
    return _("Task skipped: %(title)s") % {"title": data.get("title", "")}


def _flow_started(data: Data, names: Names) -> str:
    return _("Task flow started: %(title)s") % {"title": data.get("title", "")}


def _flow_done(data: Data, names: Names) -> str:
    return _("Task flow completed: %(title)s") % {"title": data.get("title", "")}


def _handed_up(data: Data, names: Names) -> str:
    about = {"line": data.get("line", ""), "team": data.get("team", "")}
    if rule := data.get("rule"):
        about["event"] = term("up_event", rule)
        return _("Handed up to line %(line)s (%(team)s) by rule: %(event)s") % about
    return _("Handed up to line %(line)s (%(team)s)") % about


def _taken_in(data: Data, names: Names) -> str:
    return _("%(name)s took it in on line %(line)s") % {"name": names.person(data.get("by")), "line": data.get("line")}


def _handed_back(data: Data, names: Names) -> str:
    return _("Line %(line)s (%(team)s) answered and handed it back") % {
        "line": data.get("line", ""),
        "team": data.get("team", ""),
    }


def _line_withdrawn(data: Data, names: Names) -> str:
    return _("Taken back from line %(line)s (%(team)s)") % {"line": data.get("line", ""), "team": data.get("team", "")}


def _asked(data: Data, names: Names) -> str:
    return _("Asked %(department)s") % {"department": names.department(data.get("department"))}


def _answered(data: Data, names: Names) -> str:
    about = {"department": names.department(data.get("department"))}
    if data.get("how") == "declined":
        return _("%(department)s declined the request") % about
    if data.get("how") == "handed_on":
        return _("%(department)s handed the request on") % about
    return _("%(department)s answered") % about


def _withdrawn(data: Data, names: Names) -> str:
    return _("Question to %(department)s withdrawn") % {"department": names.department(data.get("department"))}


def _offer_made(data: Data, names: Names) -> str:
    about = (names.offer(data.get("kind")), str(data.get("text") or ""), offers.money(data.get("amount")))
    return _("Offered to the customer: %(offer)s") % {"offer": " ".join(part for part in about if part)}


def _offer_accepted(data: Data, names: Names) -> str:
    return _("The customer accepted: %(offer)s") % {"offer": names.offer(data.get("kind"))}


def _offer_refused(data: Data, names: Names) -> str:
    return _("The customer refused: %(offer)s") % {"offer": names.offer(data.get("kind"))}


def _offer_withdrawn(data: Data, names: Names) -> str:
    return _("Offer taken back: %(offer)s") % {"offer": names.offer(data.get("kind"))}


def _offer_lapsed(data: Data, names: Names) -> str:
    return _("Offer lapsed unanswered: %(offer)s") % {"offer": names.offer(data.get("kind"))}


def _outside_event(data: Data, names: Names) -> str:
    title = f"{names.event(data.get('kind'))} {data.get('text') or ''}".strip()
    return _("Outside event: %(title)s") % {"title": title}


def _metric(data: Data) -> str:
    return term("metric", str(data.get("metric", "")))


def _warned(data: Data, names: Names) -> str:
    return _("%(metric)s: %(point)s") % {"metric": _metric(data), "point": term("point", data.get("point", "warn1"))}


def _breached(data: Data, names: Names) -> str:
    return _("%(metric)s overdue") % {"metric": _metric(data)}


def _corrected(data: Data, names: Names) -> str:
    return _("%(metric)s: result corrected") % {"metric": _metric(data)}


def _cause_named(data: Data, names: Names) -> str:
    return _("%(metric)s: cause named, %(cause)s") % {
        "metric": _metric(data),
        "cause": term("cause", data.get("code", "")),
    }


def _cause_judged(data: Data, names: Names) -> str:
    about = {"metric": _metric(data), "cause": term("cause", data.get("code", ""))}
    if data.get("state") == "corrected":
        return _("%(metric)s: cause corrected to %(cause)s") % about
    return _("%(metric)s: cause approved, %(cause)s") % about


def _cause_withdrawn(data: Data, names: Names) -> str:
    return _("%(metric)s: the clock was none, its cause %(cause)s is withdrawn") % {
        "metric": _metric(data),
        "cause": term("cause", data.get("code", "")),
    }


Teller = Callable[[Data, Names], str]
_KINDS: dict[str, tuple[str, str, Teller]] = {
    "ticket.opened": ("inbox", "", _opened),
    "ticket.queued": ("hourglass", "amber", lambda data, names: _("Waits in the queue")),
    "ticket.assigned": ("user-check", "blue", _assigned),
    "ticket.unassigned": ("users", "", lambda data, names: _("Put back into the queue")),
    "ticket.accepted": ("check", "green", lambda data, names: _("Accepted")),
    "ticket.message": ("message-circle", "", _message),
    "ticket.mentioned": ("at", "", _mentioned),
    "ticket.held": ("player-pause", "amber", _held),
    "ticket.resumed": ("player-play", "", lambda data, names: _("Work goes on")),
    "ticket.solved": ("circle-check", "green", lambda data, names: _("Resolved")),
    "ticket.confirmed": ("circle-check", "green", lambda data, names: _("Confirmed by the customer and closed")),
    "ticket.closed": ("archive", "", _closed),
    "ticket.rejected": ("arrow-back-up", "amber", lambda data, names: _("The customer says it is not solved")),
    "ticket.reopened": ("arrow-back-up", "amber", lambda data, names: _("Reopened")),
    "ticket.cancelled": ("circle-x", "", lambda data, names: _("Cancelled")),
    "ticket.merged": ("git-merge", "", _merged),
    "ticket.received_duplicate": ("git-merge", "", _duplicate),
    "ticket.repeats": ("repeat", "amber", _repeats),
    "ticket.repeated": ("repeat", "amber", _repeated),
    "ticket.repeat_judged": ("repeat", "", _repeat_judged),
    "ticket.linked": ("link", "", _linked),
    "ticket.unlinked": ("unlink", "", _unlinked),
    "ticket.split": ("arrows-split-2", "", _split),
    "ticket.split_from": ("arrows-split-2", "", _split_from),
    "ticket.reclassified": ("pencil", "", _reclassified),
    "ticket.escalated": ("urgent", "red", _escalated),
    "ticket.automated": ("bolt", "purple", _automated),
    "ticket.told": ("bell", "", _told),
    "ticket.fields_completed": ("pencil", "", _completed),
    "ticket.flow_started": ("clipboard-check", "", _flow_started),
    "ticket.task_done": ("check", "green", _task),
    "ticket.task_skipped": ("x", "amber", _task_skipped),
    "ticket.flow_done": ("clipboard-check", "green", _flow_done),
    "ticket.offer_made": ("gift", "purple", _offer_made),
    "ticket.offer_accepted": ("gift", "green", _offer_accepted),
    "ticket.offer_refused": ("gift", "red", _offer_refused),
    "ticket.offer_withdrawn": ("gift", "", _offer_withdrawn),
    "ticket.offer_lapsed": ("gift", "", _offer_lapsed),
    "ticket.outside_event": ("broadcast", "amber", _outside_event),
    "ticket.handed_up": ("stairs-up", "amber", _handed_up),
    "ticket.taken_in": ("user-check", "blue", _taken_in),
    "ticket.handed_back": ("arrow-back-up", "green", _handed_back),
    "ticket.line_withdrawn": ("arrow-back-up", "", _line_withdrawn),
    "ticket.collaboration_asked": ("heart-handshake", "purple", _asked),
    "ticket.collaboration_answered": ("heart-handshake", "green", _answered),
    "ticket.collaboration_withdrawn": ("heart-handshake", "", _withdrawn),
    "clock.warned": ("clock", "amber", _warned),
    "clock.breached": ("clock-exclamation", "red", _breached),
    "clock.corrected": ("history", "", _corrected),
    "clock.redated": ("history", "", lambda data, names: _("%(metric)s: due time moved") % {"metric": _metric(data)}),
    "clock.cause_named": ("clipboard-check", "", _cause_named),
    "clock.cause_judged": ("clipboard-check", "", _cause_judged),
    "clock.cause_withdrawn": ("clipboard-check", "", _cause_withdrawn),
    "ticket.redated": ("history", "", lambda data, names: _("Held to a new version of the standard")),
    "ticket.erased": ("trash", "", lambda data, names: _("Texts and files erased")),
    "ticket.imported": ("upload", "", lambda data, names: _("Imported")),
}
