"""Group robots of DingTalk, Feishu and WeCom: the whole address of each is a secret, for its token stands in it."""

from jiying.alerts.services.ways import Message, Way, ask, hear
from jiying.base import outgoing
from jiying.base.connections import Open
from jiying.core import robots
from jiying.core.buckets import Limit

JSON = {"Content-Type": "application/json; charset=utf-8"}


def _dingtalk(open: Open, message: Message) -> None:
    url = robots.dingtalk_url(open.secrets.get("url", ""), open.secrets.get("secret", ""), message.at_ms)
    _judge("dingtalk", ask("POST", url, robots.dingtalk_body(message.heading, message.items), JSON))


def _feishu(open: Open, message: Message) -> None:
    signed = robots.feishu_sign(open.secrets.get("secret", ""), message.at_ms // 1000)
    body = robots.feishu_body(message.heading, message.items, signed)
    _judge("feishu", ask("POST", open.secrets.get("url", ""), body, JSON))


def _wecom(open: Open, message: Message) -> None:
    body = robots.wecom_body(message.heading, message.items)
    _judge("wecom", ask("POST", open.secrets.get("url", ""), body, JSON))


def _judge(vendor: str, answer: outgoing.Answer) -> None:
    hear(robots.verdict(vendor, answer.status, answer.headers.get("retry-after", ""), answer.text))


def _way(kind: str, send: object, n_items: int, *limits: Limit) -> Way:
    return Way(kind, send, n_items, lambda _open: limits, lambda open: open.secrets.get("url", ""))  # type: ignore[arg-type]


# The vendors' published limits for one robot.
ROBOTS = (
    _way("dingtalk_robot", _dingtalk, 50, Limit(20, 60)),
    _way("feishu_robot", _feishu, 50, Limit(100, 60), Limit(5, 1)),
    _way("wecom_robot", _wecom, 12, Limit(20, 60)),
)
