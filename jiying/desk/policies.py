"""Who may see and do what on the desk: `reach` as filters, `may` for one ticket, named rights underneath (D26)."""

import time
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from jiying.base.actor import Actor, of_person
from jiying.base.errors import Denied, NotFound
from jiying.base.models import Person
from jiying.base.policies import require
from jiying.desk.models import CannedText, Collaboration, Customer, HandUp, SavedView, Ticket

MERGE_RIGHT, PRIVACY_RIGHT = "desk.edit_customers", "desk.privacy"
SEEING = ("desk.view_own", "desk.view_team", "desk.view_all", "desk.answer")  # each shows some tickets
WRITING = frozenset({"desk.handle", "desk.assign", "desk.answer", "desk.view_all"})  # each may write a note

WATCHING = "alerts.view_team"
_KEEP_S = 1.0


def reach(actor: Actor) -> list[Q]:
    """The tickets that an actor may see, as alternatives (they may overlap): all, the own team's, or own ones and the
    own queue. Each is a few equalities that one index serves in order (see `queries.ordered`); none: sees nothing."""
    rights, team_id = actor.rights, actor.team_id
    if "desk.view_all" in rights:
        return [Q()]
    ways = []
    if rights & {"desk.view_team", "desk.view_own"}:
        ways.append(Q(assignee__isnull=True, team__isnull=True))
    if team_id is not None and "desk.view_team" in rights:
        ways.append(Q(team_id=team_id))
    elif team_id is not None and "desk.view_own" in rights:
        ways.append(Q(assignee__isnull=True, team_id=team_id))
    if actor.id is not None and "desk.view_own" in rights:
        ways += [Q(assignee_id=actor.id), Q(opened_by_id=actor.id)]
    if team_id is not None and "desk.view_own" in rights:
        ways.append(Q(pk__in=_handed_up(actor).values("ticket_id")))
    if actor.department_id is not None and "desk.answer" in rights:
        # A subquery, not a join: joins would double rows and lose the ordering index.
        ways.append(Q(pk__in=Collaboration.objects.filter(department_id=actor.department_id).values("ticket_id")))
    return ways


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures: a team's tickets, or (`team_id` None) all of them."""

    team_id: int | None

    @property
    def tickets(self) -> Q:
        return Q() if self.team_id is None else Q(team_id=self.team_id)


def scope(actor: Actor) -> Scope:
    """What an actor may see figures of. Raises Denied without the right, or where there is no team to see."""
    require(actor, WATCHING)
    if "desk.view_all" in actor.rights:
        return Scope(None)
    if actor.team_id is None:
        raise Denied("desk.view_all")
    return Scope(actor.team_id)


def visible(actor: Actor) -> Q:
    """`reach` as one filter, for what is narrow by itself; a long list takes the alternatives one by one."""
    ways = reach(actor)
    return Q(*ways, _connector=Q.OR) if ways else Q(pk__in=[])


def sees(actor: Actor, ticket: Ticket) -> bool:
    """`visible` for one loaded ticket, without a query where the row itself tells."""
    rights = actor.rights
    if "desk.view_all" in rights:
        return True
    if "desk.view_team" in rights and ticket.team_id == actor.team_id and actor.team_id is not None:
        return True
    if actor.id is not None and "desk.view_own" in rights and actor.id in (ticket.assignee_id, ticket.opened_by_id):
        return True
    if actor.id is not None and ticket.helper_id == actor.id:
        return True
    in_reach = ticket.team_id is None or ticket.team_id == actor.team_id
    if ticket.assignee_id is None and in_reach and rights & {"desk.view_own", "desk.view_team"}:
        return True
    if "desk.view_own" in rights and actor.team_id is not None and _handed_up(actor).filter(ticket=ticket).exists():
        return True
    if "desk.answer" not in rights or actor.department_id is None:
        return False
    return ticket.collaborations.filter(department_id=actor.department_id).exists()


def _handed_up(actor: Actor) -> QuerySet[HandUp]:
    """What is in the hands of the actor's line now, and what the actor had taken in (D24a)."""
    in_hand = Q(team_id=actor.team_id or 0, state__in=(HandUp.State.ASKED, HandUp.State.TAKEN))
    return HandUp.objects.filter(in_hand | Q(person_id=actor.id))


def require_visible(actor: Actor, ticket: Ticket) -> None:
    """A ticket that the actor may not see does not exist for them."""
    if not sees(actor, ticket):
        raise NotFound("ticket", ticket.number)


def may_handle(actor: Actor, ticket: Ticket) -> bool:
    """Own tickets, and those one has taken in for the first line; others' with the right to assign."""
    if "desk.handle" in actor.rights and ticket.assignee_id == actor.id and actor.id is not None:
        return True
    if "desk.handle" in actor.rights and ticket.helper_id == actor.id and actor.id is not None:
        return True
    return "desk.assign" in actor.rights


def require_handle(actor: Actor, ticket: Ticket) -> None:
    require_visible(actor, ticket)
    if not may_handle(actor, ticket):
        raise Denied("desk.handle")


def may_take(actor: Actor) -> bool:
    """Whether the queue of tickets without a team is theirs to take from, or to give out of."""
    seeing = {"desk.view_own", "desk.view_team", "desk.view_all"}
    return bool(actor.rights & {"desk.handle", "desk.assign"}) and bool(actor.rights & seeing)


def could_hold(person: Person) -> bool:
    """Whether a ticket would be in good hands: somebody active who may handle tickets, and sees those that are theirs.

    A ticket that is given to somebody is their team's from then on; with it the team's queue lets it go.
    """
    rights = of_person(person).rights
    team = "desk.view_team" in rights and person.team_id is not None
    return "desk.handle" in rights and (team or bool(rights & {"desk.view_own", "desk.view_all"}))


_kept: tuple[float, frozenset[int]] = (0.0, frozenset())


def holders() -> frozenset[int]:
    """Ids of all who could hold a ticket, asked at most once a second: routing needs them for each ticket."""
    global _kept
    if time.monotonic() - _kept[0] > _KEEP_S:
        people = Person.objects.filter(is_active=True).prefetch_related("roles")
        _kept = (time.monotonic(), frozenset(p.pk for p in people if could_hold(p)))
    return _kept[1]


def forget() -> None:
    """Drop what is kept (between tests)."""
    global _kept
    _kept = (0.0, frozenset())


def require_customers_or_handle(actor: Actor, ticket: Ticket) -> None:
    """The customer whose ticket it is, or somebody at the desk who may handle it."""
    if actor.kind != "customer":
        require_handle(actor, ticket)
    elif actor.id is None or ticket.customer_id != actor.id:
        raise NotFound("ticket", ticket.number)


def speaks_for(actor: Actor, asked: Collaboration) -> bool:
    """Whether they may answer for the department: its responders, and who may assign tickets for each."""
    own = actor.department_id == asked.department_id and "desk.answer" in actor.rights
    return own or "desk.assign" in actor.rights


def shows_plain(actor: Actor, ticket: Ticket | None, customer: Customer | None = None) -> bool:
    """Whether personal data is shown unmasked: on own tickets, to those who have the right."""
    if customer is not None and customer.erased_at is not None:
        return True  # nothing of a person is left
    return ticket is not None and "desk.unmasked" in actor.rights and ticket.assignee_id == actor.id


def may_see_outside(actor: Actor) -> bool:
    """What other systems report: whoever sees all tickets, or cares for the rules."""
    return bool(actor.rights & {"desk.view_all", "desk.edit_rules"})


def may_retry_outside(actor: Actor) -> bool:
    return may_see_outside(actor) and bool(actor.rights & {"desk.assign", "desk.edit_rules"})


def canned_reach(actor: Actor) -> Q:
    """The canned texts that an actor may use: own ones, the own team's, everybody's."""
    reach = Q(owner__isnull=True, team__isnull=True) | Q(owner_id=actor.id or 0)
    return reach | Q(team_id=actor.team_id) if actor.team_id else reach


def sees_canned(actor: Actor, text: CannedText) -> bool:
    if text.owner_id is not None:
        return text.owner_id == actor.id
    cares = {"desk.canned_texts", "desk.view_all"} <= actor.rights
    return text.team_id is None or text.team_id == actor.team_id or cares


def may_edit_canned(actor: Actor, text: CannedText) -> bool:
    """Own ones by whoever writes; the own team's by the right; everybody's with the right to see all besides."""
    if text.owner_id is not None:
        return text.owner_id == actor.id and bool(actor.rights & WRITING)
    if "desk.canned_texts" not in actor.rights:
        return False
    return (text.team_id is not None and text.team_id == actor.team_id) or "desk.view_all" in actor.rights


def view_reach(actor: Actor) -> Q:
    """The saved views that an actor may use: own ones, the own team's, everybody's."""
    reach = Q(owner__isnull=True, team__isnull=True) | Q(owner_id=actor.id or 0)
    return reach | Q(team_id=actor.team_id) if actor.team_id else reach


def sees_view(actor: Actor, view: SavedView) -> bool:
    if view.owner_id is not None:
        return view.owner_id == actor.id
    return view.team_id is None or view.team_id == actor.team_id


def may_edit_view(actor: Actor, view: SavedView) -> bool:
    """Own ones by whoever has lists; the own team's by the right to share; everybody's with that to see all besides."""
    if view.owner_id is not None:
        return view.owner_id == actor.id and not actor.rights.isdisjoint(SEEING)
    if "desk.share_views" not in actor.rights:
        return False
    return "desk.view_all" in actor.rights if view.team_id is None else view.team_id == actor.team_id
