"""Words of Chinese and English text, for finding: the same cuts when it is stored and when it is asked for. Pure.

Stored are all words of the dictionary wherever they stand in the text, overlapping ones too, so that 到账 is found in
未到账; a character that is in no word goes in pairs with its neighbours, so that names and new words are found. The
dictionary (60 MB) is loaded by the first text, not by the import.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

MAX_WORD = 40
_PARTS = re.compile(r"[㐀-鿿豈-﫿]+|[^\W_㐀-鿿豈-﫿]+")
_PRIVATE = re.compile("[\ue000-\uf8ff]")  # what our own marks are made of
_ENDINGS = (("ies", "y"), ("ing", ""), ("ed", ""), ("s", ""), ("e", ""))
_KEPT = ("ss", "us", "is", "eed")


def normal(text: str) -> str:
    """One form for all ways to write a letter: full width as half width, capitals as small letters."""
    return _PRIVATE.sub(" ", unicodedata.normalize("NFKC", text)).lower()


def of_text(text: str) -> set[str]:
    """The words under which a text is found."""
    found: set[str] = set()
    for part in _PARTS.findall(normal(text)):
        if _is_han(part):
            found.update(_han(part))
        else:
            found.update((part[:MAX_WORD], stem(part)[:MAX_WORD]))
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for: `needed` must all be there, `wished` only rank; `begins` is a word's beginning."""

    needed: tuple[str, ...] = ()
    wished: tuple[str, ...] = ()
    begins: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.needed and not self.begins


def of_query(text: str, limit: int = 12) -> Asked:
    """The words to look for. A lone character beside words only ranks; alone it stands for the beginning of a word."""
    needed: dict[str, None] = {}
    wished: dict[str, None] = {}
    for part in _PARTS.findall(normal(text)[:200]):
        if not _is_han(part):
            needed[stem(part)[:MAX_WORD]] = None
            continue
        for word in _runs(part):
            (needed if len(word) > 1 else wished)[word] = None
    if not needed and wished:
        first, *others = wished
        return Asked((), tuple(others), first)
    return Asked(tuple(needed)[:limit], tuple(wished))


def stem(word: str) -> str:
    """An English word without its ending, roughly: refunds, refunded, refunding → refund. Anything else as it is."""
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and not word.endswith(_KEPT) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            if ending in ("ing", "ed") and word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
    return word


def _is_han(part: str) -> bool:
    return "㐀" <= part[0] <= "鿿" or "豈" <= part[0] <= "\ufaff"


def _han(part: str) -> Iterator[str]:
    import rjieba

    yield from (word[:MAX_WORD] for word in rjieba.cut_all(part) if len(word) > 1)
    at = 0
    for word in rjieba.cut(part, hmm=False):
        if len(word) == 1:
            yield from (part[max(0, at - 1) : at + 1], word, part[at : at + 2])
        at += len(word)


def _runs(part: str) -> Iterator[str]:
    """Words of the best cut; neighbours that are in no word as overlapping pairs, lone ones alone."""
    import rjieba

    for is_single, group in groupby(rjieba.cut(part, hmm=False), key=lambda word: len(word) == 1):
        found = list(group)
        if not is_single:
            yield from (word[:MAX_WORD] for word in found)
        elif len(found) == 1:
            yield found[0]
        else:
            yield from (a + b for a, b in zip(found, found[1:], strict=False))


# --- where the words stand -------------------------------------------------------------------------------------------


def hits(text: str, asked: Asked) -> list[tuple[int, int]]:
    """Where the asked words stand in a text: sorted, joined spans. A Latin word is marked to its end."""
    low = text.lower()
    if len(low) != len(text):  # a letter whose small form is longer: nothing can be marked safely
        return []
    spans = []
    for word in {*asked.needed, *asked.wished, *([asked.begins] if asked.begins else [])}:
        pattern = re.escape(word) if _is_han(word) else rf"(?<![^\W_㐀-鿿]){re.escape(word)}[^\W_㐀-鿿]*"
        spans += [match.span() for match in re.finditer(pattern, low)]
    return list(_joined(sorted(spans)))


def _joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held is not None and start <= held[1]:
            held = (held[0], max(held[1], end))
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a snippet."""

    text: str
    is_hit: bool = False


def snippet(text: str, asked: Asked, width: int = 90) -> list[Piece]:
    """The stretch of a text with the most hits, cut into pieces; its beginning where nothing is hit."""
    text = " ".join(text.split())
    spans = hits(text, asked)
    start = max((s for s, _e in spans), key=lambda s: (_within(spans, s, width), -s), default=0)
    start = max(0, min(start - width // 4, len(text) - width))
    end = min(len(text), start + width)
    pieces = [Piece("…")] if start else []
    at = start
    for s, e in spans:
        if s >= end or e <= start:
            continue
        s, e = max(s, start), min(e, end)
        pieces += [Piece(text[at:s])] if s > at else []
        pieces.append(Piece(text[s:e], True))
        at = e
    pieces += [Piece(text[at:end])] if at < end else []
    return [*pieces, Piece("…")] if end < len(text) else pieces


def _within(spans: list[tuple[int, int]], start: int, width: int) -> int:
    return sum(1 for s, _e in spans if start <= s < start + width * 3 // 4)
