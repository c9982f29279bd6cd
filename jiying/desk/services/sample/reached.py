"""How customers reach the made-up centre: a chat and a form for its own site, to be tried at /chat/site/."""

from datetime import datetime

from jiying.base import connections
from jiying.base.actor import SYSTEM

_WIDGET = "web_widget"  # a kind that a floor above speaks


def set_up(now: datetime) -> None:
    if _WIDGET not in connections.KINDS:
        return
    data = connections.ConnectionData(name="官网在线客服", options={"origins": ["https://www.example.com"]})
    connections.save(actor=SYSTEM, kind=_WIDGET, code="site", data=data, revision=None, now=now)
