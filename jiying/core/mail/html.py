"""A mail's HTML: cleaned, cut where the quoted mail begins, or as plain text. Nothing in it can run or be fetched.

Pictures stay only where they came with the mail (`cid:`); all others would tell the sender who read it, and when.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import nh3

from jiying.core.mail.folding import ATTRIBUTION_END, HEAD, MARK_LINE

MAX_HTML = 1_000_000
_TAGS = frozenset(
    "a abbr b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure "
    "h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub summary sup table "
    "tbody td tfoot th thead tr u ul var center font".split()
)
_SHOWN = _TAGS - {"center", "font", "details", "summary"}
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
_DROPPED = {"script", "style", "title", "svg", "math", "template", "noscript", "iframe", "object"}
_MARKS = {name: {"class", "id", "type", "style"} for name in ("div", "blockquote", "p", "table", "hr", "span")}
# First with the marks by which quotes are known, so that the splitter reads well-formed HTML only.
_MARKED = nh3.Cleaner(
    tags=set(_TAGS),
    attributes={
        "a": {"href"},
        "img": {"src", "alt"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan"},
        **_MARKS,
    },
    clean_content_tags=_DROPPED,
    url_schemes=_SCHEMES,
    link_rel=None,
)
_CLEANER = nh3.Cleaner(
    tags=set(_SHOWN),
    attributes={
        "a": {"href"},
        "img": {"src", "alt"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan"},
    },
    attribute_filter=lambda tag, name, value: (
        None if tag == "img" and name == "src" and not value.startswith("cid:") else value
    ),
    clean_content_tags=_DROPPED,
    url_schemes=_SCHEMES,
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)
_NO_SOURCE = re.compile(r"<img(?![^>]*\ssrc=)[^>]*>")
_CID = re.compile(r'(<img[^>]*?\ssrc=")cid:([^"]*)("[^>]*>)')
_EMPTY = re.compile(r"(?:<(div|p|span)>(?:\s|&nbsp;|<br>)*</\1>\s*){2,}")
_QUOTE_CLASSES = re.compile(
    r"\b(?:gmail_quote|gmail_quote_container|yahoo_quoted|moz-cite-prefix|protonmail_quote|zmail_extra|qmbox_quote|"
    r"xm_mail_oringinal_describe|ntes-mailmaster-quote|OutlookMessageHeader|WordSection_quote)\b"
)
_QUOTE_IDS = re.compile(
    r"^(?:divRplyFwdMsg|appendonsend|isReplyContent|reply-intro|mail-editor-reference-message-container|"
    r"OLK_SRC_BODY_SECTION|original-content|ntes-pcmail-quote|xm_mail_original|x_divRplyFwdMsg)$"
)
_OUTLOOK_RULE = re.compile(
    r"border-top:\s*(?:solid\s+#?(?:E1E1E1|B5C4DF|C8C7CC)|#?(?:E1E1E1|B5C4DF)\s+(?:1(?:\.0)?p[tx]\s+)?solid)", re.I
)
_BLOCKS = frozenset("div p br li tr table blockquote h1 h2 h3 h4 h5 h6 hr ul ol pre dl dt dd figure".split())


@dataclass(frozen=True, slots=True)
class Halves:
    """Clean HTML of what was said and of what was quoted, and both as plain text."""

    said: str
    quoted: str
    said_text: str
    quoted_text: str


def split(source: str) -> Halves:
    """A mail's HTML in two; the quoted half is empty where nothing was recognised."""
    marked = _MARKED.clean(source[:MAX_HTML])
    finder = _Finder(marked)
    cut, end = finder.cut, finder.end
    if cut is None:
        return _whole(marked)
    head, quote, tail = marked[:cut], marked[cut:end], marked[end:]
    if not _says(head) and not _says(tail):
        return _whole(marked)  # a mail that was handed on and nothing else
    if _says(tail):
        if _says(head):
            return _whole(marked)  # answers between the quotes
        head, quote = tail, quote
    return Halves(clean(head), clean(quote), plain(head), plain(quote))


def _whole(marked: str) -> Halves:
    return Halves(clean(marked), "", plain(marked), "")


def _says(html: str) -> bool:
    return "cid:" in html or any(c.isalnum() for c in plain(html))


def clean(source: str) -> str:
    """HTML that may stand in a page of ours."""
    found = _NO_SOURCE.sub("", _CLEANER.clean(source))
    return _EMPTY.sub("<p></p>", found).strip()


def with_pictures(html: str, addresses: "dict[str, str]") -> str:
    """Clean HTML with its pictures at these addresses by their content id; what is not there goes."""

    def put(match: re.Match[str]) -> str:
        address = addresses.get(match[2])
        return f"{match[1]}{address}{match[3]}" if address else ""

    return _CID.sub(put, html)


def plain(html: str) -> str:
    """The words of HTML with its lines."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "".join(reader.found).replace("\xa0", " ")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Collects text; a block begins a line, a cell is set apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.found.append("\n")
        elif tag in ("td", "th"):
            self.found.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "blockquote", "table", "ul", "ol", "pre") or tag in _BLOCKS - {"br", "hr"}:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        self.found.append(data.replace("\n", " "))


class _Finder(HTMLParser):
    """Where the quoted mail begins (`cut`), and where it ends if its element does; reads cleaned HTML only."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [0]
        for match in re.finditer("\n", html):
            self._lines.append(match.end())
        self.cut: int | None = None
        self.end = len(html)
        self._depth = 0
        self._quote_tag = ""
        self._line: list[tuple[int, str]] = []  # pieces of text since the last block, with their places
        self._html = html
        self.feed(html)
        self.close()

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if self.cut is not None:
            self._depth += tag == self._quote_tag
            return
        if tag in _BLOCKS:
            self._line = []
        told = {name: value or "" for name, value in attrs}
        if tag == "blockquote" or _is_quote(told):
            self.cut, self._quote_tag, self._depth = self._place(), tag, 1

    def handle_endtag(self, tag: str) -> None:
        if self.cut is None or tag != self._quote_tag or self.end != len(self._html):
            return
        self._depth -= 1
        if self._depth == 0 and tag == "blockquote":
            self.end = self._place() + len("</blockquote>")

    def handle_data(self, data: str) -> None:
        if self.cut is not None or not data.strip():
            return
        self._line.append((self._place(), data))
        words = " ".join("".join(text for _at, text in self._line).replace("\xa0", " ").split())
        if len(words) > 400:
            self._line = self._line[-1:]
            return
        if MARK_LINE.match(words) or ATTRIBUTION_END.search(words) or self._is_head(words):
            self.cut = self._line[0][0]

    def _is_head(self, words: str) -> bool:
        """“From:” with at least two more headers of a mail right behind it."""
        if not re.match(r"(?:From|发件人|寄件者|寄件人|Von)\s*[:：]", words):
            return False
        behind = self._html[self._line[0][0] :][:3000]
        found = {m["name"].lower() for line in plain(behind).split("\n")[:10] if (m := HEAD.match(line))}
        return len(found) >= 3


def _is_quote(told: dict[str, str]) -> bool:
    return bool(
        _QUOTE_CLASSES.search(told.get("class", ""))
        or _QUOTE_IDS.match(told.get("id", ""))
        or _OUTLOOK_RULE.search(told.get("style", ""))
    )
