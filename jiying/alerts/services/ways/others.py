"""All that apprise speaks, by one of its addresses (Slack, Telegram, ntfy, Bark …). The library makes its own requests:
each of its connections is checked as it is made (`base.guarding`), and what speaks to this machine is not spoken.
"""

from jiying.alerts.services.posting import NotSent
from jiying.alerts.services.ways import Message, Way
from jiying.base import outgoing
from jiying.base.connections import Open
from jiying.base.guarding import guarded
from jiying.core import robots
from jiying.core.buckets import Limit

LOCAL = frozenset({"dbus", "qt", "glib", "gnome", "macosx", "windows", "syslog", "kde"})
THREADS = frozenset({"mqtt", "mqtts", "xmpp", "xmpps"})  # they connect in threads of their own, unguarded


def _send(open: Open, message: Message) -> None:
    url = open.secrets.get("url", "")
    import apprise  # not needed by those without such a connection, and large

    scheme = url.partition("://")[0].lower()
    if scheme in LOCAL:
        raise NotSent("local_address", final=True)
    service = None if scheme in THREADS else apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise NotSent("unknown_address", final=True)
    host = str(getattr(service, "host", "") or "")
    try:
        with guarded(host):
            is_taken = service.notify(body=robots.plain("", message.items).strip(), title=message.heading)
    except outgoing.Refused as error:
        raise NotSent(str(error)) from error
    if not is_taken:
        raise NotSent("refused", maybe=True)


OTHERS = (Way("apprise", _send, 20, lambda _open: (Limit(20, 60),), lambda open: open.secrets.get("url", "")),)
