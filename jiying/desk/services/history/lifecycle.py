"""Which event a ticket's state allows (D3), what state follows, and which unseen steps must have come before.

A foreign log rarely writes every step down: a ticket that was solved must have been taken by somebody first.
"""

WORK = ("accepted", "in_progress")
OPEN = ("new", "assigned", *WORK, "waiting")
GONE = ("cancelled", "merged")

KINDS = frozenset(
    "opened assigned unassigned accepted message held resumed solved confirmed rejected closed reopened cancelled"
    " merged reclassified transferred imported".split()
)

_AFTER: dict[str, dict[str, str]] = {
    "assigned": dict.fromkeys(("new", "assigned"), "assigned"),
    "unassigned": {"assigned": "new"},
    "accepted": {"assigned": "accepted"},
    "transferred": dict.fromkeys(("assigned", *WORK), "assigned"),
    "held": dict.fromkeys(WORK, "waiting"),
    "resumed": {"waiting": "in_progress"},
    "solved": dict.fromkeys(WORK, "resolved"),
    "confirmed": {"resolved": "closed"},
    "rejected": {"resolved": "in_progress"},
    "closed": {"resolved": "closed"},
    "reopened": dict.fromkeys(("resolved", "closed"), "in_progress"),
    "cancelled": dict.fromkeys(OPEN, "cancelled"),
    "merged": dict.fromkeys(OPEN, "merged"),
    "reclassified": {state: state for state in (*OPEN, "resolved")},
    "imported": {state: state for state in (*OPEN, "resolved", "closed", *GONE)},
}
_SAID = {state: state for state in (*OPEN, "resolved", "closed")}
_ANSWERED = {"accepted": "in_progress", "in_progress": "in_progress", "waiting": "waiting", "resolved": "resolved"}

_TO_WORK = {"new": "assigned", "assigned": "accepted", "waiting": "resumed"}
_BACK_TO_WORK = {**_TO_WORK, "resolved": "reopened", "closed": "reopened"}
_WAY: dict[str, dict[str, str]] = {
    "accepted": {**_BACK_TO_WORK, "assigned": "", "accepted": "transferred", "in_progress": "transferred"},
    "held": _BACK_TO_WORK,
    "solved": _TO_WORK,
    "closed": {**_TO_WORK, "accepted": "solved", "in_progress": "solved"},
    "confirmed": {**_TO_WORK, "accepted": "solved", "in_progress": "solved"},
    "reopened": {},
    "transferred": {"resolved": "reopened", "closed": "reopened", "waiting": "resumed"},
    "answer": {"new": "assigned", "assigned": "accepted", "closed": "reopened"},
}


def state_after(state: str, kind: str, *, answer: bool = False) -> str | None:
    """The state that follows, None where it is not legal; `answer`: a public message from a person of the desk."""
    if kind == "opened":
        return None
    if kind == "message":
        return (_ANSWERED if answer else _SAID).get(state)
    return _AFTER[kind].get(state)


def steps_before(state: str, kind: str, *, answer: bool = False) -> tuple[str, ...] | None:
    """Kinds that must have happened, unseen, before `kind`; () if it is legal at once, None if no way leads there."""
    way = _WAY.get("answer" if answer else kind, {})
    steps: list[str] = []
    while state_after(state, kind, answer=answer) is None:
        step = way.get(state)
        following = state_after(state, step) if step else None
        if not step or following is None:
            return None
        steps.append(step)
        state = following
    return tuple(steps)
