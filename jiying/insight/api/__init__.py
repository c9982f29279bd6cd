"""The API of the insight floor."""

from ninja import Router

from jiying.insight.api import dashboards, kpis, replays, reports, wall

router = Router()
router.add_router("", wall.router)
router.add_router("", kpis.router)
router.add_router("", reports.router)
router.add_router("", dashboards.router)
router.add_router("", replays.router)

__all__ = ["router"]
