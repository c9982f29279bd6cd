"""The API of the channels floor."""

from ninja import Router

from jiying.channels.api import chats, crm, hooks, hooks_out, mail, outbox, phone, portal

router = Router()
router.add_router("", portal.router)
router.add_router("", hooks.router)
router.add_router("", phone.router)
router.add_router("", outbox.router)
router.add_router("", mail.router)
router.add_router("", crm.router)
router.add_router("", chats.router)
router.add_router("", hooks_out.router)

__all__ = ["router"]
