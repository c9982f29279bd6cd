"""What a new installation starts with: each feature appends a function that adds what is missing, and nothing else.

Run by `jiying prepare` after the migrations, every time: a seed never overwrites what people changed. Shipped roles
that nobody edited follow the version's rights.
"""

from collections.abc import Callable
from datetime import datetime

from jiying.base import organisation
from jiying.base.models import Role
from jiying.base.policies import SHIPPED_ROLES

SEEDS: list[Callable[[datetime], None]] = []


def roles(now: datetime) -> None:
    """The shipped roles that do not exist yet."""
    known = set(Role.objects.values_list("code", flat=True))
    Role.objects.bulk_create(
        Role(code=code, name=str(name), rights=list(rights), shipped=True)
        for code, (name, rights) in SHIPPED_ROLES.items()
        if code not in known
    )


SEEDS.extend((roles, organisation.follow_shipped))


def run(now: datetime) -> None:
    for seed in SEEDS:
        seed(now)
