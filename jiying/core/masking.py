"""Masking of personal data (脱敏, D12): enough to recognise, too little to use. Pure.

The forms follow what Chinese customers know from their bank: 138****5678, 张*, z***@example.com.
"""


def name(text: str) -> str:
    """张三 → 张*, 欧阳娜娜 → 欧**娜, Chen Wei → C*** W**; empty stays empty."""
    text = text.strip()
    if not text:
        return ""
    if text.isascii():
        return " ".join(word[0] + "*" * max(1, min(3, len(word) - 1)) for word in text.split())
    if len(text) <= 2:
        return text[0] + "*"
    return text[0] + "*" * min(3, len(text) - 2) + text[-1]


def phone(text: str) -> str:
    """13812345678 → 138****5678; shorter numbers keep their last two digits."""
    digits = [c for c in text if c.isdigit()]
    if len(digits) >= 9:
        return "".join(digits[:3]) + "****" + "".join(digits[-4:])
    return "*" * max(0, len(digits) - 2) + "".join(digits[-2:]) if digits else ""


def email(text: str) -> str:
    """zhang.san@example.com → z***@example.com."""
    local, at, domain = text.partition("@")
    return f"{local[:1]}***@{domain}" if at else ("***" if text else "")


def address(text: str) -> str:
    """The first six characters (province and city), the rest masked."""
    return text[:6] + "***" if len(text) > 6 else ("***" if text else "")


def letters(number: int) -> str:
    """1 → A, 26 → Z, 27 → AA: a name for somebody of whom nothing else may be told."""
    text = ""
    while number > 0:
        number, place = divmod(number - 1, 26)
        text = chr(65 + place) + text
    return text


def id_number(text: str) -> str:
    """110101199003071234 → 110***********1234."""
    return text[:3] + "*" * (len(text) - 7) + text[-4:] if len(text) > 8 else "*" * len(text)
