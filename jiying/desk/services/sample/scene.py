"""How the made-up centre stands at this moment: what is due within minutes, what waits, what nobody can take.

Tickets of the printed agent come first in every count, so that whoever signs in as them sees clocks run out.
"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import NamedTuple

from jiying.desk.models import Customer
from jiying.desk.services.sample import words
from jiying.desk.services.sample.crowd import N_JAPANESE, N_OWN, N_VIP
from jiying.desk.services.sample.lives import Life, Script
from jiying.desk.services.sample.words import Scenario
from jiying.desk.services.sample.world import World


class Standing(NamedTuple):
    """So many tickets, received from `since_s` to `until_s` seconds ago, in evenly spaced steps, standing like this."""

    n: int
    since_s: int
    until_s: int
    categories: tuple[str, ...]
    script: Script
    channel: str = "web"


_EASY = ("logistics/late", "order/refund", "order", "product/usage", "product", "account", "invoice")
_HELPING = ("logistics/late", "order/refund")
# Acceptance is due after 600 s: warnings come at 300 and 480 s, a breach at 600 s.
OWN = (
    Standing(1, 265, 265, _HELPING, Script("assigned", is_own=True), "chat"),
    Standing(1, 430, 430, _HELPING, Script("assigned", is_own=True), "chat"),
    Standing(1, 515, 515, _HELPING, Script("assigned", is_own=True)),
    Standing(1, 190, 190, _HELPING, Script("assigned", is_own=True), "email"),
    Standing(1, 760, 760, _HELPING, Script("accepted", priority="P1", is_own=True)),
    Standing(1, 5400, 5400, _HELPING, Script("asked", 60, 900, is_own=True)),
    Standing(1, 9000, 9000, _HELPING, Script("customer", 60, 1200, is_own=True), "email"),
    Standing(2, 16000, 7000, _HELPING, Script("answered", 120, 1500, is_own=True)),
)
OTHERS = (
    Standing(9, 560, 40, _EASY, Script("assigned")),
    Standing(3, 640, 200, ("product/defect!",), Script("accepted", 40), "chat"),
    Standing(6, 6900, 4800, ("product/defect",), Script("accepted", 300)),
    Standing(4, 14200, 11500, ("product/defect!", "account/security"), Script("answered", 60, 240), "chat"),
    Standing(6, 86000, 80000, ("product/defect", "order/dispute"), Script("answered", 200, 1800)),
    Standing(5, 12000, 4000, _EASY, Script("asked", 100, 1500)),
    Standing(5, 30000, 6000, _EASY, Script("customer", 200, 2400)),
    Standing(2, 26000, 9000, ("product/defect", "logistics/lost"), Script("third_party", 150, 1900)),
    Standing(3, 5100, 3700, ("logistics/late", "logistics/lost"), Script("department", 90, 700)),
    Standing(2, 30000, 9000, ("product/defect",), Script("department", 200, 1900)),
)


class Pair(NamedTuple):
    """Two tickets of one customer, both with the printed agent: received so long ago, of these categories."""

    since_s: tuple[int, int]
    categories: tuple[str, str]


PAIRS = (
    Pair((30400, 9400), ("logistics/late", "logistics/late")),  # the same again: a repeat contact
    Pair((12100, 11800), ("order/refund", "invoice")),  # two requests in one: the second was split off
)


def set_up(world: World, customers: Sequence[Customer], rng: Random, seed: str) -> list[Life]:
    """Announce to the world what shall stand at its end; returns the tickets."""
    lives: list[Life] = []
    mine, common = customers[:N_OWN], customers[N_VIP : -(N_JAPANESE + 20)]
    for owners, standings in ((mine, OWN), (common, OTHERS)):
        n_own = 0
        for standing in standings:
            for n in range(standing.n):
                customer = owners[n_own % len(owners)] if standing.script.is_own else rng.choice(owners)
                n_own += 1
                scenario = _scenario(rng, rng.choice(standing.categories))
                life = Life(world, f"{seed}:scene:{len(lives)}", customer, scenario, standing.script)
                life.ticket.channel = standing.channel
                lives.append(life)
                step = (standing.since_s - standing.until_s) // max(1, standing.n - 1)
                world.expect(world.now - timedelta(seconds=standing.since_s - n * step), life)
    for n, pair in enumerate(PAIRS):
        for since_s, category in zip(pair.since_s, pair.categories, strict=True):
            script = Script("answered", 120, 1200, is_own=True)
            life = Life(world, f"{seed}:pair:{n}", mine[-1 - n], _scenario(rng, category), script)
            lives.append(life)
            world.expect(world.now - timedelta(seconds=since_s), life)
    for n, customer in enumerate(customers[-N_JAPANESE:]):  # who knows their language is on a break
        life = Life(world, f"{seed}:scene:{len(lives)}", customer, words.JAPANESE, Script("assigned"))
        lives.append(life)
        world.expect(world.now - timedelta(minutes=7 + 31 * n), life)
    return lives


def _scenario(rng: Random, category: str) -> Scenario:
    """A kind of request of this category; with `!` the rarest one (outages)."""
    path = category.rstrip("!")
    found = sorted((s for s in words.SCENARIOS if s.category == path), key=lambda s: s.weight)
    return found[0] if category.endswith("!") else found[-1]
