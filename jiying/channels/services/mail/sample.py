"""Mail of the made-up centre: a mailbox that is switched off, a ticket that came by it, and one in quarantine."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from io import BytesIO

from django.core.files import File

from jiying.base import files
from jiying.base.models import Connection
from jiying.channels.models import Mail
from jiying.channels.services import outbox
from jiying.channels.services.mail import taking
from jiying.desk.services.sample.centre import Extension
from jiying.desk.services.sample.staff import Staff

_OPTIONS = {
    "address": "service@jiying.example",
    "sender_name": "即应商城客服",
    "user": "service@jiying.example",
    "imap_host": "imap.jiying.example",
    "smtp_host": "smtp.jiying.example",
    "signature": "即应商城客服中心",
}
_QUOTE = """------------------ 原始邮件 ------------------
发件人: "即应商城客服" <service@jiying.example>;
收件人: 我
主题: 您的订单已发货

您的订单已发货，预计三天内送达。"""
_LAMP = "您好，\n\n昨天收到台灯，插上电不亮，换了插座也一样。请问是寄回检测还是直接换新？\n\n发自我的iPhone\n\n"
_AWAY = {
    "From": "周航 <hang.zhou@customer.example>",
    "Subject": "自动回复: 您的售后申请",
    "Auto-Submitted": "auto-replied",
}
_MAILS: tuple[tuple[dict[str, str], str], ...] = (
    ({"From": "宋雨桐 <yutong.song@customer.example>", "Subject": "收到的台灯不亮，怎么换"}, _LAMP + _QUOTE),
    (_AWAY, "您好，我正在休假，假期结束后回复您的邮件。"),
    ({"Subject": "关于发票抬头"}, "请把抬头改成：青禾文化传媒有限公司。这封邮件经网关转发，丢了发件人。"),
)


def fill(people: Staff, now: datetime) -> None:
    """In the caller's transaction; the mails are taken in as a worker would."""
    box = Connection.objects.create(
        kind="mailbox",
        code="service",
        name="客服邮箱",
        options=_OPTIONS,
        active=False,
        created_at=now - timedelta(days=30),
    )
    for n, (headers, body) in enumerate(_MAILS):
        made = EmailMessage()
        for name, value in {"To": _OPTIONS["address"], "Message-ID": f"<{n}@customer.example>", **headers}.items():
            made[name] = value
        made.set_content(body)
        raw = made.as_bytes()
        at = now - timedelta(minutes=14 - 4 * n)
        row = Mail.objects.create(
            connection=box, uid_validity=1, uid=n + 1, sha256=files.write(File(BytesIO(raw))), size=len(raw),
            received_at=at, stored_at=at, wake_at=at,
        )  # fmt: skip
        taking.serve([row.pk], now)


EXTENSION = Extension(fill, (outbox.READER,))
