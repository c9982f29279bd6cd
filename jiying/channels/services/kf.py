"""WeCom's customer-service accounts (微信客服): their call notes that there is something, the worker pulls it.

What was pulled is kept like every other call of a hook (`hooks`), in one transaction with the cursor: a crash before
pulls it again, one after has it all. The call's own id drops what came twice. Acting on it is `social`'s.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import structlog
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base import connections, due
from jiying.base.connections import Field, Kind, Open
from jiying.base.texts import TERMS, term
from jiying.base.transactions import short
from jiying.channels.models import Contact, Outbox, Pull
from jiying.channels.services import hooks, outbox, social
from jiying.channels.services.hooks import Effect, Unusable
from jiying.channels.services.messengers import reply_api, reply_of, secret, tried, wecom_key
from jiying.channels.services.outbox import NotSent
from jiying.channels.services.vendor_calls import api, as_json, forget, good, key_of, post
from jiying.core import kf as core
from jiying.core.social import Unreadable

log = structlog.get_logger()
KIND = "wecom_kf"
LEASE_S = 120
PAGE, MAX_BYTES = 200, 4_000_000  # of one answer
PAGES = 50  # of one turn; the rest at once in the next one
TOKEN_HOLDS = timedelta(minutes=9)  # WeCom says ten
BEFORE = timedelta(hours=1)  # what came longer before the account was first heard of was served elsewhere
MAX_NAMES = 100
MAX_TEXT_BYTES = 2_048


class LeaseLost(Exception):
    """Another worker pulls this account by now: nothing of this turn is kept."""


def act(found: Open, body: bytes, now: datetime) -> Effect:
    """What a call does, in the caller's transaction: the bell, or a message that was pulled."""
    try:
        if not core.is_bell(body):
            return _act_on(found, body, now)
        bell = core.bell(body)
    except Unreadable as error:
        raise Unusable(error.code) from error
    if bell is not None:
        ring(found.pk, bell, now)
    return Effect(did=bell is not None)


def ring(connection_id: int, bell: core.Bell, now: datetime) -> None:
    """The account is pulled at once, or once more after the pull that is under way."""
    Pull.objects.get_or_create(
        connection_id=connection_id, account=bell.account, defaults={"made_at": now, "token_at": now}
    )
    row = Pull.objects.select_for_update().get(connection_id=connection_id, account=bell.account)
    row.token, row.token_at, row.n_bells = bell.token, now, row.n_bells + 1
    if row.lease_until is None or row.lease_until <= now:
        row.wake_at, row.parked_at, row.attempts = now, None, 0
    row.save()


def _act_on(found: Open, body: bytes, now: datetime) -> Effect:
    failed = core.not_delivered(core.message_of(body))
    if failed is None:
        return social.act(found, body, now)
    row = Outbox.objects.select_related("ticket").filter(connection_id=found.pk, remote_id=failed.message_id).first()
    if row is None:
        return Effect(did=False)
    outbox.came_back(row, _("WeCom did not deliver it: %(why)s") % {"why": _reason(failed.reason)}, now)
    return Effect(row.ticket, row.ticket.customer)


def _reason(code: int) -> str:
    return term("kf_fail", str(code) if str(code) in TERMS["kf_fail"] else "0")


# --- pulled ----------------------------------------------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction."""
    n_done = 0
    for pk in ids:
        row = due.lease(Pull, pk, now, LEASE_S)
        if isinstance(row, Pull):
            _pull(row)
            n_done += 1
    return n_done


def _pull(row: Pull) -> None:
    """All that there is, page by page. A failure is put off, where the administrator sees it."""
    found = connections.open_by_id(row.connection_id)
    if found is None:
        due.finish(row)
        return
    try:
        for n in range(PAGES):
            page = core.pulled(_ask(found, row, timezone.now()))
            if not keep(row, page, _names(found, page), timezone.now()):
                break
            row.cursor = page.cursor
            if n == PAGES - 1:
                Pull.objects.filter(pk=row.pk, fence=row.fence).update(wake_at=timezone.now(), lease_until=None)
    except LeaseLost:
        log.warning("pull_lease_lost", pull=row.pk)
    except NotSent as error:
        due.fail(Pull, row.pk, str(error), timezone.now())
        connections.failed(row.connection_id, str(error), timezone.now())


def _ask(found: Open, row: Pull, now: datetime) -> Mapping[str, Any]:
    told: dict[str, Any] = {"cursor": row.cursor, "limit": PAGE, "voice_format": 0, "open_kfid": row.account}
    if row.token and row.token_at > now - TOKEN_HOLDS:
        told["token"] = row.token
    return _call(found, "sync_msg", told)


def _call(found: Open, name: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    url = f"{api(found)}/cgi-bin/kf/{name}?{urlencode({'access_token': key_of(found, wecom_key)})}"
    return good(post(url, as_json(told), limit=MAX_BYTES), "errcode", "errmsg", lambda: forget(found))


def _names(found: Open, page: core.Pulled) -> Mapping[str, str]:
    """What new customers call themselves. Without an answer they go by no name: their messages do not wait for it."""
    said = list(dict.fromkeys(who for one in page.messages if (who := core.sender(one))))
    known = Contact.objects.filter(connection_id=found.pk, external_id__in=said).exclude(name="")
    missing = set(said) - set(known.values_list("external_id", flat=True))
    names: dict[str, str] = {}
    asked = [who for who in said if who in missing]
    for start in range(0, len(asked), MAX_NAMES):
        part = asked[start : start + MAX_NAMES]
        try:
            answer = _call(found, "customer/batchget", {"external_userid_list": part})
        except NotSent as error:
            log.warning("kf_names_not_told", connection=found.code, why=str(error))
            break
        told = answer.get("customer_list")
        people = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
        names |= {str(one.get("external_userid")): str(one.get("nickname") or "") for one in people}
    return names


@short
def keep(row: Pull, page: core.Pulled, names: Mapping[str, str], now: datetime) -> bool:
    """Messages and cursor in one: whether to go on. Raises LeaseLost where another worker has the account."""
    since_s = int((row.made_at - BEFORE).timestamp())
    bodies = [
        (str(one.get("msgid") or ""), {"message": one, "name": names.get(core.sender(one), "")})
        for one in page.messages
        if core.is_wanted(one, since_s)
    ]
    hooks.keep_pulled(row.connection_id, KIND, [(key, json.dumps(told)) for key, told in bodies], now)
    current = Pull.objects.select_for_update().get(pk=row.pk)
    if current.fence != row.fence:
        raise LeaseLost
    goes_on = page.has_more and page.cursor not in ("", current.cursor)
    current.cursor = page.cursor or current.cursor
    current.pulled_at, current.attempts, current.last_error = now, 0, ""
    if goes_on:
        current.lease_until = current.wake_at = now + timedelta(seconds=LEASE_S)
    else:  # a bell that rang meanwhile tells of more
        current.lease_until, current.wake_at = None, now if current.n_bells != row.n_bells else None
    current.save()
    connections.succeeded(row.connection_id, now, _lag_s(page, now))
    return goes_on


def _lag_s(page: core.Pulled, now: datetime) -> float | None:
    """How long the last message had waited."""
    sent = page.messages[-1].get("send_time") if page.messages else None
    if not isinstance(sent, int) or not 0 < sent < 1 << 33:
        return None
    return max(0.0, (now - datetime.fromtimestamp(sent, UTC)).total_seconds())


# --- out -------------------------------------------------------------------------------------------------------------


def send(row: Outbox, found: Open) -> str:
    """By the account that was written to; WeCom allows five answers within 48 hours after the customer wrote."""
    reply = reply_of(row, MAX_TEXT_BYTES)
    told = {
        "touser": reply.about.get("user") or reply.sender,
        "open_kfid": reply.about.get("account") or "",
        "msgid": row.key[:32],  # comes back when it could not be delivered
        "msgtype": "text",
        "text": {"content": reply.text},
    }
    return str(_call(found, "send_msg", told).get("msgid") or row.key[:32])


def _state(found: Open, now: datetime) -> list[tuple[Any, str]]:
    """What stands beside the connection: its door, and how far each account was pulled."""
    facts = hooks.door_facts(found, now)
    rows = Pull.objects.filter(connection_id=found.pk).order_by("account")[:20]
    return facts + [(row.account, _told(row)) for row in rows]


def _told(row: Pull) -> str:
    if row.last_error:
        return row.last_error
    return hooks.moment(row.pulled_at) if row.pulled_at else _("not pulled yet")


def _accounts(found: Open) -> str:
    """For the test button: the accounts that this application may serve."""
    told = _call(found, "account/list", {"offset": 0, "limit": 100}).get("account_list")
    names = [str(one.get("name", "")) for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    if not names:
        raise NotSent(_("The application may serve no customer-service account. Allow it in WeCom's settings."))
    return _("WeCom names %(n)s accounts: %(names)s") % {"n": len(names), "names": _(", ").join(names)}


SPOKEN = Kind(
    KIND,
    _l("WeCom customer service (微信客服)"),
    "social",
    fields=(Field("corp_id", "CorpID", required=True), reply_api("https://qyapi.weixin.qq.com")),
    secrets=(secret("app_secret", "Secret"), secret("token", "Token"), secret("aes_key", "EncodingAESKey")),
    hint=_l("Customer-service accounts in WeChat; their messages are fetched from WeCom after each of its calls."),
    test=tried(_accounts),
    more=_state,
)
