"""WeCom's side of customer-service accounts in tests: messages behind a cursor, and calls that only ring."""

from dataclasses import dataclass, field
from typing import Any

from jiying.core import hooks
from tests.channels.other_side import OtherSide
from tests.core.test_hooks import AES_KEY, sealed_for_wechat

ACCOUNT, SECRETS = "wkAccount1", {"app_secret": "s", "token": "QDG6eK", "aes_key": AES_KEY}


@dataclass
class WeComKf:
    """By the published rules: a cursor per account, `has_more`, a token of the last call, five answers at most."""

    side: OtherSide
    messages: list[dict[str, Any]] = field(default_factory=list)
    page: int = 3  # WeCom may answer with fewer than were asked for
    n_pulls: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        key = {"errcode": 0, "access_token": "a1", "expires_in": 7200}
        account = {"open_kfid": ACCOUNT, "name": "售后客服"}
        self.side.answers |= {
            "/cgi-bin/gettoken": (200, key),
            "/cgi-bin/kf/sync_msg": (200, self._sync),
            "/cgi-bin/kf/send_msg": (200, self._send),
            "/cgi-bin/kf/customer/batchget": (200, self._names),
            "/cgi-bin/kf/account/list": (200, {"errcode": 0, "account_list": [account]}),
        }

    def say(self, n: int, text: str, at_s: int, who: str = "wm1", **more: Any) -> None:
        told = {"msgid": f"k{n}", "open_kfid": ACCOUNT, "external_userid": who, "send_time": at_s, "origin": 3}
        self.messages.append(told | {"msgtype": "text", "text": {"content": text}} | more)

    def _sync(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.n_pulls += 1
        if asked.get("open_kfid") != ACCOUNT:
            return {"errcode": 95000, "errmsg": "invalid open_kfid"}
        begin = int(asked.get("cursor") or 0)
        n = min(self.page, int(asked["limit"]))
        told = self.messages[begin : begin + n]
        after = begin + len(told)
        more = int(after < len(self.messages))
        return {"errcode": 0, "next_cursor": str(after), "has_more": more, "msg_list": told}

    def _send(self, asked: dict[str, Any]) -> dict[str, Any]:
        if len(self.sent) >= 5:
            return {"errcode": 95001, "errmsg": "send msg count limit"}
        self.sent.append(asked)
        return {"errcode": 0, "msgid": asked["msgid"]}

    def _names(self, asked: dict[str, Any]) -> dict[str, Any]:
        people = [{"external_userid": who, "nickname": f"客户{who}"} for who in asked["external_userid_list"]]
        return {"errcode": 0, "customer_list": people}


def bell(at_s: int, token: str = "ENC1", account: str = ACCOUNT) -> tuple[str, dict[str, str]]:  # noqa: S107
    """The body and the query of WeCom's call: it says nothing but where there is something."""
    xml = (
        f"<xml><ToUserName>corp1</ToUserName><CreateTime>{at_s}</CreateTime><MsgType>event</MsgType>"
        f"<Event>kf_msg_or_event</Event><Token>{token}</Token><OpenKfId>{account}</OpenKfId></xml>"
    )
    sealed = sealed_for_wechat(xml.encode(), "corp1")
    query = {"timestamp": str(at_s), "nonce": "n", "msg_signature": hooks.wechat_sign("QDG6eK", str(at_s), "n", sealed)}
    return f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>", query
