"""The priority rules and categories of a new installation (D21, D22)."""

from datetime import datetime

from django.utils.translation import gettext as _

from jiying.base import documents
from jiying.base.models import VersionedDocument
from jiying.core.priority_defaults import SHIPPED
from jiying.desk.models import Category
from jiying.desk.services import code_seeds, offer_kinds, outside_kinds

CATEGORIES = (
    ("order", "订单", "Orders"),
    ("order/dispute", "订单纠纷", "Order disputes"),
    ("order/refund", "退款退货", "Refunds and returns"),
    ("logistics", "物流", "Logistics"),
    ("logistics/late", "配送延误", "Late delivery"),
    ("logistics/lost", "丢件破损", "Lost or damaged"),
    ("account", "账户", "Accounts"),
    ("account/security", "账户安全", "Account security"),
    ("product", "产品", "Products"),
    ("product/usage", "使用咨询", "How to use"),
    ("product/defect", "质量故障", "Defects"),
    ("invoice", "发票", "Invoices"),
    ("suggestion", "建议", "Suggestions"),
)


def seed(now: datetime) -> None:
    """Add the shipped priority rules, and the category tree where there is none at all."""
    if not VersionedDocument.objects.filter(kind="priority", key="default").exists():
        VersionedDocument.objects.create(
            kind="priority",
            key="default",
            number=1,
            title=_("Priority rules"),
            body=SHIPPED,
            state=VersionedDocument.State.APPROVED,
            effective_from=datetime(2000, 1, 1, tzinfo=now.tzinfo),
            created_at=now,
        )
    if not Category.objects.exists():
        Category.objects.bulk_create(Category(path=p, name_zh=zh, name_en=en) for p, zh, en in CATEGORIES)
    code_seeds.seed()
    offer_kinds.seed()
    outside_kinds.seed()
    documents.forget()
