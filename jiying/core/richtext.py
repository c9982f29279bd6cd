"""What people write in Markdown, as clean HTML: rendered once when it is said.

Raw HTML stays text, images become links: nothing is ever fetched from elsewhere.
"""

import re
from functools import lru_cache
from html import unescape

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_BLOCKS = "blockquote h1 h2 h3 h4 hr li ol p pre table tbody td th thead tr ul"
_INLINE = "a br code em s strong"
_CLEANER = nh3.Cleaner(
    tags={*_BLOCKS.split(), *_INLINE.split()},
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)
_STRIPPER = nh3.Cleaner(tags=set())
# Ends before the punctuation that follows an address in either script.
_ADDRESS = re.compile(
    r"https?://[^\s<>\"'“”‘’，。；：！？、（）【】《》]+[^\s<>\"'“”‘’，。；：！？、（）【】《》.,;:!?)\]]"
)


def render(source: str) -> str:
    """Clean HTML of a Markdown text; a line break is a line break, an address is a link."""
    return _CLEANER.clean(_parser().render(source)).strip()


def plain(html: str) -> str:
    """The words of clean HTML without its marks, for a line in a list."""
    return unescape(_STRIPPER.clean(html)).strip()


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.core.ruler.push("addresses", _link_addresses)
    return parser


def _link_addresses(state: StateCore) -> None:
    for block in state.tokens:
        if block.type == "inline" and block.children and "://" in block.content:
            block.children = _linked(block.children)


def _linked(children: list[Token]) -> list[Token]:
    """The same tokens with bare addresses as links; what stands in a link already stays."""
    found: list[Token] = []
    depth = 0
    for token in children:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        found.extend(_split(token) if token.type == "text" and depth == 0 else [token])
    return found


def _split(token: Token) -> list[Token]:
    parts: list[Token] = []
    at = 0
    for match in _ADDRESS.finditer(token.content):
        parts.append(_text(token.content[at : match.start()]))
        parts.append(Token("link_open", "a", 1, attrs={"href": match.group()}))
        parts.append(_text(match.group()))
        parts.append(Token("link_close", "a", -1))
        at = match.end()
    parts.append(_text(token.content[at:]))
    return parts


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
