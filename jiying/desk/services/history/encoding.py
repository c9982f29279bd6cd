"""Finds out in which encoding a delimited text was written, and says when it had to guess.

UTF-8 unless the bytes speak against it; GB18030 (what Excel writes in China) only when most broken lines read well
as Chinese.
"""

import codecs
from collections.abc import Callable
from typing import IO, NamedTuple

CHUNK_BYTES = 1 << 20
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Encoding(NamedTuple):
    """`guessed`: not UTF-8, so the reader is told; `broken`: some rows hold bytes that are no text."""

    name: str
    guessed: bool = False
    broken: bool = False


def find_encoding(reopen: Callable[[], IO[bytes]]) -> Encoding:
    """The encoding of a file that can be opened again and again; reads it once, and once more if it is not UTF-8."""
    with reopen() as stream:
        start = stream.read(4)
    name = next((name for bom, name in BOMS if start.startswith(bom)), "utf-8")
    if _decodes(reopen, name):
        return Encoding(name, guessed=name == "utf-16")
    if name == "utf-8" and _looks_chinese(reopen) and _decodes(reopen, "gb18030"):
        return Encoding("gb18030", guessed=True)
    return Encoding(name, broken=True)


def _decodes(reopen: Callable[[], IO[bytes]], name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    with reopen() as stream:
        try:
            while chunk := stream.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _looks_chinese(reopen: Callable[[], IO[bytes]]) -> bool:
    """One Latin-1 letter in a UTF-8 file also decodes as GB18030: so count lines instead of asking for an error."""
    n_beyond_ascii = n_broken = n_gb2312 = 0
    with reopen() as stream:
        for line in stream:
            if line.isascii():
                continue
            n_beyond_ascii += 1
            if not _is(line, "utf-8"):
                n_broken += 1
                n_gb2312 += _is(line, "gb2312")
    return n_broken * 2 > n_beyond_ascii and n_gb2312 * 2 >= n_broken


def _is(line: bytes, name: str) -> bool:
    try:
        line.decode(name)
    except UnicodeDecodeError:
        return False
    return True
