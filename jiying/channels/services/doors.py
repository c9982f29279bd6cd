"""Which kinds of connection have a door, how their calls are verified, and what a call does."""

from collections.abc import Callable, Mapping

from jiying.base.connections import Open
from jiying.channels.services import kf, phone, social
from jiying.channels.services.hooks import Door


def _secrets(found: Open) -> Mapping[str, str]:
    return found.secrets


def _for(option: str) -> Callable[[Open], Mapping[str, str]]:
    """With the name of the receiver, which encrypted messages carry."""
    return lambda found: {**found.secrets, "receiver": str(found.options.get(option) or "")}


DOORS = {
    "cti": Door("jiying", _secrets, phone.act),
    "social": Door("jiying", _secrets, social.act),
    "dingtalk": Door("dingtalk", _secrets, social.act),
    "feishu": Door("feishu", _secrets, social.act),
    "wecom": Door("wecom", _for("corp_id"), social.act, answer="success"),
    "wecom_kf": Door("wecom", _for("corp_id"), kf.act, answer="success"),
    "wechat": Door("wechat", _for("app_id"), social.act, answer="success"),
}
