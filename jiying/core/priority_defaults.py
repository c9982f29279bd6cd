"""The priority rules as shipped (D21): data only, in the document form that `core.priority.parse` checks.

Order is meaning: money and outages first, then typed suggestions, then what hinders use; all else is routine (P3).
`except` names phrases that are cut out before words are looked for, so that asking how to prevent a theft is no theft.
"""

from typing import Any

_NO_FAULT = ["系统没有故障", "没有故障", "无故障", "不是故障", "no fault", "not down", "no outage"]

SHIPPED: dict[str, Any] = {
    "default": "P3",
    "rules": [
        {
            "key": "money_lost",
            "name": {"zh": "资金受损", "en": "Money lost"},
            "priority": "P1",
            "when": {"words": {
                "any": [
                    "盗刷", "盗用", "账户被盗", "账号被盗", "帐号被盗", "资金被盗", "余额被盗", "卡被盗", "钱被盗",
                    "密码被盗", "扣款异常", "异常扣款", "重复扣款", "多扣款", "多扣了", "乱扣费", "误扣",
                    "未经授权的交易", "非本人操作", "非本人交易", "资金损失", "被转走", "被骗走", "诈骗",
                    "fraud", "fraudulent", "scammed", "stole my", "stolen card*", "lost or stolen", "card stolen",
                    "card was stolen", "card got stolen", "card has been stolen", "card is stolen", "money stolen",
                    "money was stolen", "account stolen", "unauthorized charge*", "unauthorised charge*",
                    "unauthorized transaction*", "unauthorised transaction*", "unauthorized payment*",
                    "unauthorised payment*", "charged twice", "double charge*", "wrongly charged",
                ],
                "except": [
                    "防盗刷", "防止盗刷", "避免盗刷", "预防盗刷", "没有被盗", "未被盗", "防诈骗", "防止诈骗", "反诈骗",
                    "盗刷险", "没有扣款异常", "无异常扣款", "prevent fraud", "fraud prevention", "anti-fraud",
                ],
            }},
        },
        {
            "key": "money_safety",
            "name": {"zh": "资金安全", "en": "Money at risk"},
            "priority": "P1",
            "when": {
                "type": {"none": ["suggestion"]},
                "words": {"any": [
                    "资金安全", "资金风险", "账户安全", "账户异常", "账号异常登录", "账户被冻结", "账户余额不对",
                    "money safety", "account compromised", "account hacked", "funds at risk", "money missing",
                ]},
            },
        },
        {
            "key": "core_business_interrupted",
            "name": {"zh": "核心业务中断", "en": "Core business interrupted"},
            "priority": "P1",
            "when": {
                "type": {"none": ["suggestion"]},
                "words": {
                    "any": [
                        "核心业务中断", "业务中断", "服务中断", "业务停摆", "业务瘫痪", "生产中断",
                        "产线停", "生产线停", "全部无法下单", "所有用户无法", "全员无法", "大面积故障", "大面积无法",
                        "business interrupted", "business interruption", "service interruption", "service outage*",
                        "system outage*", "network outage*", "production stopped", "production is down",
                        "production line stopped", "down for everyone",
                    ],
                    "except": _NO_FAULT,
                },
            },
        },
        {
            "key": "system_fault",
            "name": {"zh": "系统故障", "en": "System fault"},
            "priority": "P1",
            "when": {
                "type": {"none": ["suggestion"]},
                "words": {
                    "any": [
                        "系统故障", "系统异常", "系统崩溃", "系统瘫痪", "服务不可用", "服务器故障", "宕机", "死机了",
                        "无法登录", "无法登陆", "不能登录", "登录不了", "登录不上", "登不上", "登录失败",
                        "系统打不开", "系统用不了", "系统挂了", "网站打不开",
                        "system fault", "system failure", "system error", "system down", "system is down",
                        "server down", "server is down", "site is down", "service unavailable", "system crashed",
                        "cannot log in", "can't log in", "can not log in", "unable to log in", "cannot login",
                        "can't login", "unable to login", "login failed",
                    ],
                    "except": _NO_FAULT,
                },
            },
        },
        {
            "key": "running_request_suggestion",
            "name": {"zh": "关于进行中请求的建议", "en": "Suggestion about a running request"},
            "priority": "P3",
            "when": {
                "type": {"any": ["suggestion"]},
                "words": {"any": [
                    "我的工单", "该工单", "这个工单", "此工单", "工单号", "gd20*", "我的订单", "我的申请", "我的请求",
                    "进行中", "处理中", "正在处理", "处理进度", "尚未处理完", "跟进中",
                    "my ticket", "this ticket", "my request", "my order", "my case", "in progress", "ongoing request",
                    "running request", "open ticket", "pending request",
                ]},
            },
        },
        {
            "key": "idea",
            "name": {"zh": "建议", "en": "Idea"},
            "priority": "P4",
            "when": {"type": {"any": ["suggestion"]}},
        },
        {
            "key": "order_dispute",
            "name": {"zh": "订单纠纷", "en": "Order dispute"},
            "priority": "P2",
            "when": {"words": {"any": [
                "订单纠纷", "订单争议", "交易纠纷", "退款纠纷", "售后纠纷", "拒绝退款", "不给退款", "不肯退款",
                "拒不退货",
                "发错货", "少发货", "漏发", "货不对板", "假货",
                "order dispute", "disputed order", "dispute my order", "refund refused", "refused refund",
                "refund denied", "wrong item", "missing item*", "counterfeit",
            ]}},
        },
        {
            "key": "use_hindered",
            "name": {"zh": "使用受阻", "en": "Use hindered"},
            "priority": "P2",
            "when": {
                "words": {
                    "any": [
                        "使用受阻", "影响使用", "影响正常使用", "无法使用", "不能使用", "无法正常使用",
                        "用不了", "不能用",
                        "打不开", "闪退", "卡顿", "卡死", "白屏", "报错", "无法支付", "支付失败", "无法下单",
                        "下单失败", "无法提交", "提交失败", "无法打开", "收不到验证码",
                        "not working", "does not work", "doesn't work", "stopped working", "cannot use", "can't use",
                        "unable to use", "cannot open", "can't open", "error message", "freezes", "payment failed",
                        "cannot pay", "can't pay", "cannot submit", "cannot order",
                    ],
                    "except": ["不影响使用", "不影响正常使用"],
                },
            },
        },
        {
            "key": "several_departments",
            "name": {"zh": "需要多部门处理", "en": "Several departments needed"},
            "priority": "P2",
            "when": {"words": {"any": [
                "多部门", "多个部门", "跨部门", "几个部门", "部门协同", "部门配合", "联合处理",
                "several departments", "multiple departments", "cross-department*", "other departments",
            ]}},
        },
        {
            "key": "function_question",
            "name": {"zh": "功能咨询", "en": "Function question"},
            "priority": "P2",
            "when": {"words": {"any": [
                "功能咨询", "咨询功能", "功能怎么", "功能如何", "功能在哪", "怎么使用", "如何使用", "怎么操作",
                "如何操作",
                "怎么设置", "如何设置", "使用方法", "操作步骤",
                "function question", "feature question", "how do i use", "how to use", "how do i set", "how to set up",
                "how does the feature", "where is the feature",
            ]}},
        },
        {
            "key": "fault_reported",
            "name": {"zh": "报告故障", "en": "Fault reported"},
            "priority": "P2",
            "when": {"type": {"any": ["fault"]}},
        },
        {
            "key": "idea_by_words",
            "name": {"zh": "文字为建议", "en": "Reads as an idea"},
            "priority": "P4",
            "when": {
                "type": {"none": ["complaint", "fault"]},
                "words": {
                    "any": [
                        "产品建议", "功能建议", "改进建议", "优化建议", "一点建议", "一个建议", "提个建议", "建议增加",
                        "建议优化", "建议改进", "建议新增", "希望增加", "希望新增", "希望能增加", "希望能支持",
                        "有个想法",
                        "feature request*", "an idea for", "i have an idea", "i suggest", "it would be nice if",
                        "suggestion for improvement",
                    ],
                    "none": ["我的工单", "该工单", "这个工单", "工单号", "gd20*", "我的订单", "my ticket", "my order"],
                },
            },
        },
    ],
}  # fmt: skip
