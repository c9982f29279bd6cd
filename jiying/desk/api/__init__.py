"""The API of the desk: tickets, their verbs, and what stands around them. Thin: parse, call one function, answer."""

from ninja import Router

from jiying.desk.api import (
    around,
    automations,
    customers,
    exchange,
    flows,
    lines,
    links,
    offers,
    outside,
    priority_rules,
    privacy,
    search,
    setup,
    tickets,
    verbs,
    views,
    writing,
)

router = Router()
router.add_router("", tickets.router)
router.add_router("", verbs.router)
router.add_router("", around.router)
router.add_router("", flows.router)
router.add_router("", customers.router)
router.add_router("", privacy.router)
router.add_router("", automations.router)
router.add_router("", priority_rules.router)
router.add_router("", lines.router)
router.add_router("", links.router)
router.add_router("", offers.router)
router.add_router("", outside.router)
router.add_router("", setup.router)
router.add_router("", exchange.router)
router.add_router("", search.router)
router.add_router("", writing.router)
router.add_router("", views.router)

__all__ = ["router"]
