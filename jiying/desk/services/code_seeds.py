"""The cause, solution and process-step codes of a new installation (D5a)."""

from jiying.desk.models import Code

# kind: (path, Chinese, English, category)
SHIPPED = {
    Code.Kind.CAUSE: (
        ("carrier_delay", "承运商延误", "Carrier delay", "logistics"),
        ("damaged_in_transit", "运输破损", "Damaged in transit", "logistics"),
        ("refund_in_process", "退款处理中", "Refund under way", "order"),
        ("promotion_mistake", "活动配置有误", "Mistake in a promotion", "order"),
        ("customer_changed_mind", "客户改变主意", "Customer changed their mind", "order"),
        ("unclear_manual", "说明不清楚", "Unclear manual", "product"),
        ("hardware_fault", "硬件故障", "Hardware fault", "product"),
        ("gateway_failure", "网关故障", "Gateway failure", "product"),
        ("rule_unclear", "规则不明确", "Unclear rule", ""),
        ("payment_channel", "支付渠道问题", "Payment channel", ""),
        ("wrong_title", "发票抬头有误", "Wrong invoice title", "invoice"),
        ("information", "仅需咨询", "Information only", ""),
        ("suggestion", "客户建议", "Suggestion", ""),
    ),
    Code.Kind.SOLUTION: (
        ("explained", "解释说明", "Explained", ""),
        ("refund", "退款", "Refund", ""),
        ("exchange", "换新", "Exchange", ""),
        ("repair", "维修", "Repair", ""),
        ("resent", "补发", "Sent again", ""),
        ("compensated", "补偿", "Compensated", ""),
        ("corrected", "更正信息", "Data corrected", ""),
        ("passed_on", "转交相关部门改进", "Passed on for improvement", ""),
    ),
    Code.Kind.STEP: (
        ("sales", "销售承诺", "Sales promise", ""),
        ("order", "订单处理", "Order processing", ""),
        ("warehouse", "仓库发货", "Warehouse", ""),
        ("delivery", "配送", "Delivery", ""),
        ("service", "客服处理", "Customer service", ""),
        ("product", "产品质量", "Product quality", ""),
        ("system", "系统功能", "System", ""),
    ),
}


def seed() -> None:
    """Add the shipped codes where there are none at all."""
    if Code.objects.exists():
        return
    Code.objects.bulk_create(
        Code(kind=kind, path=path, name_zh=zh, name_en=en, category=category)
        for kind, rows in SHIPPED.items()
        for path, zh, en, category in rows
    )
