"""The API of the desk: tickets, their verbs, and what stands around them. Thin: parse, call one function, answer."""

from ninja import Router

from jiying.desk.api import around, exchange, lines, search, setup, tickets, verbs, writing

router = Router()
router.add_router("", tickets.router)
router.add_router("", verbs.router)
router.add_router("", around.router)
router.add_router("", lines.router)
router.add_router("", setup.router)
router.add_router("", exchange.router)
router.add_router("", search.router)
router.add_router("", writing.router)

__all__ = ["router"]
