"""Who acts: a person, a person's token, the system, an automation, a customer or an import. Passed to every service."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jiying.base.models import Person


@dataclass(frozen=True, eq=False)
class Actor:
    """`kind`: person, token, system, automation, customer or import; rights are those of the person, cut to the token's
    scopes. `run` is what an automation does just now: the journal keeps it in the place of a person."""

    kind: str
    id: int | None = None
    person: "Person | None" = None
    scopes: frozenset[str] | None = None
    token: int | None = None
    run: int | None = None

    @property
    def caller(self) -> str:
        """Whose idempotency keys a call has: each token's own, else the person's."""
        return f"{self.kind}:{self.id}" if self.token is None else f"api:{self.token}"

    @cached_property
    def rights(self) -> frozenset[str]:
        if self.kind in ("system", "import", "automation"):
            return EVERYTHING
        if self.person is None or not self.person.is_active:
            return frozenset()
        owned = self.person.rights()
        return owned if self.scopes is None else owned & self.scopes

    @property
    def team_id(self) -> int | None:
        return self.person.team_id if self.person else None

    @property
    def department_id(self) -> int | None:
        return self.person.department_id if self.person else None


class _Everything(frozenset[str]):
    """The rights of the house itself: it contains every right."""

    def __contains__(self, right: object) -> bool:
        return True

    def __and__(self, rights: AbstractSet[object]) -> frozenset[str]:
        return frozenset(str(right) for right in rights)

    __rand__ = __and__


EVERYTHING: frozenset[str] = _Everything()
SYSTEM = Actor("system")
IMPORT = Actor("import")


def of_person(person: "Person") -> Actor:
    return Actor("person", person.pk, person)
