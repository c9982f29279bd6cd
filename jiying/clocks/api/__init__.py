"""The API of calendars, standards and causes of breaches. Thin: parse, call one function, answer."""

from ninja import Router

from jiying.clocks.api import agreements, calendars, causes, revisions, standards

router = Router()
router.add_router("", calendars.router)
router.add_router("", standards.router)
router.add_router("", agreements.router)
router.add_router("", revisions.router)
router.add_router("", causes.router)

__all__ = ["router"]
