"""The refusals of the house: raised by services, turned into pages and problem+json once, at the edge.

Each says what, where and how to mend it as a code with parameters; the text is made in the reader's language.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from jiying.base import texts


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: the field (empty = the whole request), a code of `texts.FAULTS`, its parameters."""

    field: str
    code: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def text(self) -> str:
        return texts.fault(self.code, self.params)


class Refused(Exception):
    """A request that the house declines; nothing was changed."""

    status = 400
    title = "refused"

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(f"{f.field}:{f.code}" for f in faults))
        self.faults = faults

    @property
    def text(self) -> str:
        return " ".join(f.text for f in self.faults) or _("The request was refused.")


class Invalid(Refused):
    """Bad input: wrong, missing or contradicting values."""

    status = 422
    title = "invalid"

    @classmethod
    def one(cls, where: str, code: str, **params: Any) -> "Invalid":
        return cls(Fault(where, code, params))


class Denied(Refused):
    """The actor lacks the right."""

    status = 403
    title = "denied"

    def __init__(self, right: str) -> None:
        super().__init__(Fault("", "denied", {"right": right}))


class Conflict(Refused):
    """The state has moved on: wrong state for the verb, a stale version, a duplicate."""

    status = 409
    title = "conflict"

    @classmethod
    def one(cls, code: str, where: str = "", **params: Any) -> "Conflict":
        return cls(Fault(where, code, params))


class TooMany(Refused):
    """More than is allowed within a time; later it may be done."""

    status = 429
    title = "too_many"

    @classmethod
    def one(cls, code: str, where: str = "", **params: Any) -> "TooMany":
        return cls(Fault(where, code, params))


class NotFound(Refused):
    """There is no such thing, or the actor may not know of it."""

    status = 404
    title = "not_found"

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(Fault("", "not_found", {"kind": kind, "key": key}))
