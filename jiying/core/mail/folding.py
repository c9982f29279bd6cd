"""What a writer added, apart from what they quoted and signed with: line by line, by the habits of mailers.

Nothing is thrown away: the three parts together are the whole. Where answers stand between quoted lines, or nothing but
a forwarded mail is there, all of it is what was said.
"""

import re
from dataclasses import dataclass

_WROTE = r"(?:wrote|写道|寫道|写到|napisał\(a\)|написала?|schrieb|a écrit|escribió|ha scritto|escreveu|skrev|schreef)"
ATTRIBUTION_END = re.compile(rf"{_WROTE}\s*.{{0,120}}?[:：]\s*$")
_ATTRIBUTION_BEGIN = re.compile(
    r"^\s*>?\s*(?:On\s|At\s|在|于|於|Le\s|Am\s|El\s|Il\s|Em\s|\d{1,4}[./年-]|.{0,80}[<＜][^\s<>@]+@[^\s<>]+[>＞])"
)
MARK_LINE = re.compile(
    r"^\s*[-_—=]{2,}\s*(?:Original\s*(?:Message|Appointment)?|原始邮件|原始郵件|原邮件|回复的原邮件|转发邮件信息|转发的邮件|"
    r"轉寄郵件|Forwarded [Mm]essage|Ursprüngliche Nachricht|Message d'origine|Reply to message)\s*[-_—=]{2,}\s*$",
    re.IGNORECASE,
)
_RULE = re.compile(r"^\s*_{20,}\s*$")
HEAD = re.compile(
    r"^\s*>?\s*\*?(?P<name>From|Sent|Date|To|Cc|Subject|发件人|寄件人|寄件者|发送时间|发送日期|寄件日期|日期|时间|收件人|收件者|"
    r"抄送|副本|主题|主旨|主題|Von|Gesendet|An|Betreff|De|Envoyé|Objet)\s*\*?\s*[:：]\*?",
    re.IGNORECASE,
)
_FIRST_HEADS = ("from", "发件人", "寄件人", "寄件者", "von", "de", "sent", "subject", "发送时间")
_SIGNATURE = re.compile(
    r"^\s*(?:-- ?|—— ?|(?:Sent|Send) (?:from|with|via|by) \S.{0,80}|Get Outlook for .{1,40}|Envoyé de .{1,60}|"
    r"Von meinem .{1,40} gesendet|(?:发|傳|寄)(?:送)?自(?:我的)?\s?.{1,40}|"
    r"(?:从|從)(?:我的)?\s?.{1,40}(?:发送|傳送|寄出)|"
    r"来自我的.{1,30}|來自我的.{1,30}|获取\s?(?:适用于)?.{0,12}Outlook.{0,20}|下载.{0,10}Outlook.{0,20}|"
    r"由.{1,20}网易邮箱大师.{0,20}|签名由.{1,20}定制.{0,10}|.{0,30}@.{0,20}网易邮箱大师)\s*$",
    re.IGNORECASE,
)
MAX_LINES = 5_000
MAX_SIGNATURE = 12  # lines; more is not taken for one


@dataclass(frozen=True, slots=True)
class Folded:
    said: str
    quoted: str = ""
    signature: str = ""


def fold(text: str) -> Folded:
    """The three parts of a plain text."""
    lines = text.split("\n")
    start = _quote_start(lines[:MAX_LINES])
    said, quoted = (lines, []) if start is None else _without_quote(lines, start)
    if not _words(said):
        said, quoted = lines, []
    said, signature = _signed(said)
    return Folded(_text(said), _text(quoted), _text(signature))


def _text(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def _words(lines: list[str]) -> bool:
    return any(any(c.isalnum() for c in line) for line in lines)


def _quote_start(lines: list[str]) -> int | None:
    for n, line in enumerate(lines):
        if line.lstrip().startswith(">") or MARK_LINE.match(line) or _is_head_block(lines, n):
            return n
        if _RULE.match(line) and any(_is_head_block(lines, m) for m in range(n + 1, min(n + 3, len(lines)))):
            return n
        if (span := _attribution(lines, n)) and _begins_quote(lines, n + span):
            return n
    return None


def _attribution(lines: list[str], n: int) -> int:
    """How many lines from here are one “On … wrote:”; 0 for none."""
    if ATTRIBUTION_END.search(lines[n]) and next(filter(str.strip, lines[n + 1 :]), "").lstrip().startswith(">"):
        return 1
    if not _ATTRIBUTION_BEGIN.match(lines[n]):
        return 0
    for span in (1, 2, 3):
        joined = " ".join(line.strip() for line in lines[n : n + span])
        if len(joined) < 400 and ATTRIBUTION_END.search(joined):
            return span
    return 0


def _begins_quote(lines: list[str], n: int) -> bool:
    """An attribution in the midst of a sentence is none: what follows is quoted, or the rest of the mail."""
    following = [line for line in lines[n:] if line.strip()][:1]
    return bool(following) or n >= len(lines) - 1


def _is_head_block(lines: list[str], n: int) -> bool:
    """At least three headers of a mail within a few lines, the sender or the subject first."""
    first = HEAD.match(lines[n])
    if first is None or first["name"].lower() not in _FIRST_HEADS:
        return False
    found = {m["name"].lower() for line in lines[n : n + 8] if (m := HEAD.match(line))}
    return len(found) >= 3


def _without_quote(lines: list[str], start: int) -> tuple[list[str], list[str]]:
    """What was said before or after the quote, and the quote; all is said where answers stand between its lines."""
    head, rest = lines[:start], lines[start:]
    marked = [n for n, line in enumerate(rest) if line.lstrip().startswith(">")]
    if not marked:
        return head, rest
    first, last = marked[0], marked[-1]
    between = [line for line in rest[first : last + 1] if not line.lstrip().startswith(">")]
    after = rest[last + 1 :]
    if _words([line for line in between if not _is_wrapped(line)]) and not _is_top_quote(rest[:first]):
        return lines, []
    if not _words(after):
        return head, rest
    if _is_top_quote(rest[:first]):
        return head, rest
    return [*head, "", *after] if _words(head) else after, rest[: last + 1]


def _is_wrapped(line: str) -> bool:
    """The tail of a quoted line that a mailer broke: short, and no sentence of its own."""
    return len(line.strip()) < 12 and not re.search(r"[。！？.!?]\s*$", line)


def _is_top_quote(lines: list[str]) -> bool:
    """Whether the quote began with a mark after which everything is quoted, whatever its lines begin with."""
    return any(MARK_LINE.match(line) or HEAD.match(line) for line in lines)


def _signed(lines: list[str]) -> tuple[list[str], list[str]]:
    """The text and its signature: from its first mark on, among the last few lines."""
    start, n_said = len(lines), 0
    for n in range(len(lines) - 1, -1, -1):
        n_said += bool(lines[n].strip())
        if n_said > MAX_SIGNATURE:
            break
        if _SIGNATURE.match(lines[n]) and _words(lines[:n]):
            start = n
    return lines[:start], lines[start:]
