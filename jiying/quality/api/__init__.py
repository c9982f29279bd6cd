"""The API of the quality floor."""

from ninja import Router

from jiying.quality.api import callbacks, surveys

router = Router()
router.add_router("", surveys.router)
router.add_router("", callbacks.router)

__all__ = ["router"]
