"""How replies are spoken to messengers and social media, by each side's published calls; and their kinds of connection.

Where the other side drops a repeated key (ours, Feishu) a reply arrives once; elsewhere at least once. Access keys are
asked for when they are needed and kept in this process until they run out.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base import outgoing
from jiying.base.actor import SYSTEM
from jiying.base.connections import Failed, Field, Kind, Open
from jiying.base.models import Attachment
from jiying.channels.models import Conversation, Outbox
from jiying.channels.services import hooks, portal
from jiying.channels.services.outbox import NotSent
from jiying.channels.services.vendor_calls import TIMEOUT_S, api, as_json, forget, good, key_of, post, whole
from jiying.channels.services.vendor_calls import ask as ask_for
from jiying.core import hooks as core
from jiying.core import richtext
from jiying.desk.models import Message

MAX_BYTES = 6_000  # what all of them take in one message
FEWER_BYTES: dict[str, int] = {"wecom": 2_048, "wechat": 2_048}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out: in which conversation, with what the other side gave us for answers."""

    text: str
    key: str
    ticket: str
    conversation: str
    sender: str
    is_public: bool
    about: Mapping[str, Any]


def send(row: Outbox, found: Open) -> str:
    """Send one reply; returns the other side's id of it. Raises NotSent."""
    return _SPEAK[found.kind](found, reply_of(row, FEWER_BYTES.get(found.kind, MAX_BYTES)))


def reply_of(row: Outbox, max_bytes: int) -> Reply:
    talk = Conversation.objects.select_related("contact").filter(pk=row.about.get("conversation")).first()
    if talk is None:
        raise NotSent("no_conversation", final=True)
    return Reply(
        text=text_of(row.message, max_bytes, is_public=talk.is_public),
        key=row.key,
        ticket=row.ticket.number,
        conversation=talk.external_id.removeprefix("public:"),
        sender=talk.contact.external_id,
        is_public=talk.is_public,
        about=talk.reply,
    )


def text_of(message: Message, max_bytes: int, *, is_public: bool) -> str:
    """The words alone, since messengers show no Markdown; files, and what is too long, by the customer's own page.

    That page's address is never given where everybody can read it.
    """
    text = richtext.plain(message.html) if message.html else message.body
    names = list(
        Attachment.objects.filter(subject_kind="message", subject_id=message.pk).values_list("name", flat=True)
    )
    has_page = message.ticket.customer_id is not None and not is_public
    url = portal.address(actor=SYSTEM, number=message.ticket.number) if has_page else ""
    after = "\n" + _("Files: %(names)s. To be seen at %(url)s") % {"names": _(", ").join(names), "url": url}
    text += after if names and url else ""
    if len(text.encode()) <= max_bytes:
        return text
    rest = "…\n" + _("All of it: %(url)s") % {"url": url} if url else "…"
    return text.encode()[: max_bytes - len(rest.encode())].decode("utf-8", "ignore") + rest


# --- each side -------------------------------------------------------------------------------------------------------


def _social(found: Open, reply: Reply) -> str:
    url = str(found.options.get("reply_url") or "")
    if not url:
        raise NotSent("no_reply_url", final=True)
    told = {
        "type": "reply",
        "id": reply.key,
        "conversation": reply.about.get("conversation") or reply.conversation,
        "to": reply.sender,
        "text": reply.text,
        "public": reply.is_public,
        "ticket": reply.ticket,
    }
    return str(_signed(found, url, told).get("id", ""))


def _signed(found: Open, url: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    body, timestamp = json.dumps(told, ensure_ascii=False).encode(), str(int(time.time()))
    headers = {
        "X-Jiying-Timestamp": timestamp,
        "X-Jiying-Signature": core.sign(found.secrets.get("secret", ""), timestamp, body),
        "Idempotency-Key": str(told.get("id", "")),
    }
    return post(url, body, headers)


def _dingtalk(found: Open, reply: Reply) -> str:
    """By the conversation's own address, which DingTalk gives with each message and lets run out."""
    url = str(reply.about.get("webhook") or "")
    if urlsplit(url)[:2] != urlsplit(api(found))[:2]:  # DingTalk does not sign the body that it came in
        raise NotSent("foreign_webhook", final=True)
    if int(reply.about.get("until_s") or 0) <= time.time():
        raise NotSent("webhook_over", final=True)
    told: dict[str, Any] = {"msgtype": "text", "text": {"content": reply.text}}
    if who := reply.about.get("at"):
        told["at"] = {"atUserIds": [who]}
    good(post(url, as_json(told)), "errcode", "errmsg")
    return ""


def dingtalk_key(found: Open) -> tuple[str, int]:
    """For fetching files; replies need none."""
    told = {"appKey": found.options.get("app_key"), "appSecret": found.secrets.get("app_secret", "")}
    answer = post(f"{str(found.options.get('files_api') or '').rstrip('/')}/v1.0/oauth2/accessToken", as_json(told))
    return str(answer.get("accessToken", "")), whole(answer.get("expireIn"))


def _feishu(found: Open, reply: Reply) -> str:
    told = {
        "receive_id": reply.about.get("chat") or reply.conversation,
        "msg_type": "text",
        "content": json.dumps({"text": reply.text}, ensure_ascii=False),
        "uuid": reply.key[:50],  # Feishu sends it once within an hour
    }
    url = f"{api(found)}/open-apis/im/v1/messages?receive_id_type=chat_id"
    headers = {"Authorization": f"Bearer {key_of(found, feishu_key)}"}
    answer = good(post(url, as_json(told), headers), "code", "msg", lambda: forget(found))
    data = answer.get("data")
    return str(data.get("message_id", "")) if isinstance(data, dict) else ""


def feishu_key(found: Open) -> tuple[str, int]:
    told = {"app_id": found.options["app_id"], "app_secret": found.secrets.get("app_secret", "")}
    answer = post(f"{api(found)}/open-apis/auth/v3/tenant_access_token/internal", as_json(told))
    good(answer, "code", "msg")
    return str(answer.get("tenant_access_token", "")), whole(answer.get("expire"))


def _wecom(found: Open, reply: Reply) -> str:
    told = {
        "touser": reply.about.get("user") or reply.conversation,
        "msgtype": "text",
        "agentid": found.options["agent_id"],
        "text": {"content": reply.text},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 1800,
    }
    url = f"{api(found)}/cgi-bin/message/send?{urlencode({'access_token': key_of(found, wecom_key)})}"
    answer = good(post(url, as_json(told)), "errcode", "errmsg", lambda: forget(found))
    return str(answer.get("msgid", ""))


def wecom_key(found: Open) -> tuple[str, int]:
    about = {"corpid": found.options["corp_id"], "corpsecret": found.secrets.get("app_secret", "")}
    return _cgi_key(ask_for("GET", f"{api(found)}/cgi-bin/gettoken?{urlencode(about)}"))


def _wechat(found: Open, reply: Reply) -> str:
    """A customer-service message, possible within 48 hours after the customer wrote."""
    told = {
        "touser": reply.about.get("user") or reply.conversation,
        "msgtype": "text",
        "text": {"content": reply.text},
    }
    url = f"{api(found)}/cgi-bin/message/custom/send?{urlencode({'access_token': key_of(found, wechat_key)})}"
    good(post(url, as_json(told)), "errcode", "errmsg", lambda: forget(found))
    return ""


def wechat_key(found: Open) -> tuple[str, int]:
    told = {
        "grant_type": "client_credential",
        "appid": found.options["app_id"],
        "secret": found.secrets.get("app_secret", ""),
    }
    return _cgi_key(post(f"{api(found)}/cgi-bin/stable_token", as_json(told)))


def _cgi_key(answer: Mapping[str, Any]) -> tuple[str, int]:
    good(answer, "errcode", "errmsg")
    return str(answer.get("access_token", "")), whole(answer.get("expires_in"))


_SPEAK: Mapping[str, Callable[[Open, Reply], str]] = {
    "social": _social,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
    "wecom": _wecom,
    "wechat": _wechat,
}


# --- kinds of connection ---------------------------------------------------------------------------------------------


def tried(try_it: Callable[[Open], str]) -> Callable[[Open], str]:
    def test(found: Open) -> str:
        try:
            return try_it(found)
        except NotSent as error:
            raise Failed(str(error)) from error

    return test


def _try_social(found: Open) -> str:
    url = str(found.options.get("reply_url") or "")
    if not url:
        return _("Messages can come in; no address for replies is given.")
    _signed(found, url, {"type": "ping", "id": "ping"})
    return _("%(url)s took a signed call.") % {"url": url}


def _try_key(ask: Callable[[Open], tuple[str, int]]) -> Callable[[Open], str]:
    def test(found: Open) -> str:
        if not ask(found)[0]:
            raise NotSent(_("No access key was given."))
        return _("%(url)s gave an access key.") % {"url": api(found)}

    return test


def _try_dingtalk(found: Open) -> str:
    """There is nothing to sign in to: replies go by addresses that come with the messages."""
    try:
        outgoing.request("GET", api(found), timeout_s=TIMEOUT_S, limit=10_000)
    except (outgoing.Refused, outgoing.Unreachable) as error:
        raise NotSent(str(error)) from error
    return _("%(url)s can be reached.") % {"url": api(found)}


def reply_api(default: str) -> Field:
    hint = _l("Another one only for a private deployment.")
    return Field("api", _l("Address of the interface"), "url", required=True, default=default, hint=hint)


def secret(name: str, label: Any, hint: Any = "") -> Field:
    return Field(name, label, required=True, hint=hint)


SOCIAL = Kind(
    "social",
    _l("Social media or messenger (signed JSON)"),
    "social",
    fields=(Field("reply_url", _l("Address for replies"), "url", hint=_l("Empty: messages only come in.")),),
    secrets=(secret("secret", _l("Secret of the signature")),),
    hint=_l("For any service that can send a signed web hook."),
    test=tried(_try_social),
    more=hooks.door_facts,
)
DINGTALK = Kind(
    "dingtalk",
    _l("DingTalk robot"),
    "social",
    fields=(
        reply_api("https://oapi.dingtalk.com"),
        Field("app_key", "AppKey", hint=_l("Needed to fetch pictures and files.")),
        Field("files_api", _l("Address for files"), "url", default="https://api.dingtalk.com"),
    ),
    secrets=(secret("app_secret", "AppSecret"),),
    hint=_l("Messages to an enterprise robot; it is answered as long as DingTalk allows."),
    test=tried(_try_dingtalk),
    more=hooks.door_facts,
)
FEISHU = Kind(
    "feishu",
    _l("Feishu application"),
    "social",
    fields=(Field("app_id", "App ID", required=True), reply_api("https://open.feishu.cn")),
    secrets=(
        secret("app_secret", "App Secret"),
        secret("encrypt_key", "Encrypt Key"),
        secret("verification_token", "Verification Token"),
    ),
    hint=_l("Messages to the application's robot; subscribe to im.message.receive_v1."),
    test=tried(_try_key(feishu_key)),
    more=hooks.door_facts,
)
WECOM = Kind(
    "wecom",
    _l("WeCom application"),
    "social",
    fields=(
        Field("corp_id", "CorpID", required=True),
        Field("agent_id", "AgentId", "number", required=True, default=None, low=1, high=2**31),
        reply_api("https://qyapi.weixin.qq.com"),
    ),
    secrets=(secret("app_secret", "Secret"), secret("token", "Token"), secret("aes_key", "EncodingAESKey")),
    hint=_l("Messages to an application of one's own."),
    test=tried(_try_key(wecom_key)),
    more=hooks.door_facts,
)
WECHAT = Kind(
    "wechat",
    _l("WeChat official account"),
    "social",
    fields=(Field("app_id", "AppID", required=True), reply_api("https://api.weixin.qq.com")),
    secrets=(secret("app_secret", "AppSecret"), secret("token", "Token"), secret("aes_key", "EncodingAESKey")),
    hint=_l("In the safe mode (encrypted messages); answers are possible for 48 hours."),
    test=tried(_try_key(wechat_key)),
    more=hooks.door_facts,
)
KINDS = (SOCIAL, DINGTALK, FEISHU, WECOM, WECHAT)
