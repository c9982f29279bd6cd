"""Canned texts of the made-up centre: for everybody, and one of the printed agent's own."""

from datetime import datetime

from jiying.base.models import Person
from jiying.desk.models import CannedText

SHARED = (
    ("问候", "hi", "您好{客户}，我是客服{客服}，很高兴为您服务。请问有什么可以帮您？"),
    ("催物流", "wl", "您好{客户}，已为您联系承运方核实包裹位置，最迟 {到期时间} 前给您答复。给您添麻烦了。"),
    ("退款进度", "tk", "您好{客户}，您的退款已提交财务处理，一般 **1–3 个工作日**到账，届时会短信通知您。"),
    ("索取订单号", "dd", "为了尽快核实，麻烦您提供一下：\n\n1. 订单号\n2. 下单时用的手机号后四位"),
    ("换货说明", "hh", "支持换货。请保持商品和包装完好，我们会安排快递上门取件，运费由我们承担。"),
    ("结束语", "bye", "感谢您的耐心等待。工单 {工单号} 已处理完毕，如还有疑问请直接回复，我们会继续跟进。"),
)
OWN = ("我的签名", "qm", "{小组} {客服}\n\n*服务时间 9:00–18:00*")


def write(agent: Person | None, now: datetime) -> None:
    """Put them into an empty house."""
    rows = [
        CannedText(title=title, shortcut=shortcut, body=body, changed_at=now, n_used=7 * (len(SHARED) - n))
        for n, (title, shortcut, body) in enumerate(SHARED)
    ]
    if agent is not None:
        title, shortcut, body = OWN
        rows.append(CannedText(title=title, shortcut=shortcut, body=body, owner=agent, changed_at=now))
    CannedText.objects.bulk_create(rows)
