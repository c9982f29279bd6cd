"""The API of the channels floor."""

from ninja import Router

from jiying.channels.api import portal

router = Router()
router.add_router("", portal.router)

__all__ = ["router"]
