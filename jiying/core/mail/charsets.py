"""Bytes of a mail as text: by what it claims, if that holds; else by what the bytes look like. Never raises.

Only encodings of this list are ever used: Python knows some that cost quadratic time or mean something else.
"""

import re
from itertools import groupby

_KNOWN = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 utf-8-sig x-utf-8",
    "utf-16": "utf-16 utf16 utf-16le utf-16be",
    "gb18030": "gb18030 gbk gb2312 gb-2312 gb_2312-80 cp936 ms936 windows-936 x-gbk euc-cn chinese hz-gb-2312-8",
    "hz": "hz hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs big5hkscs x-big5 cp950 big-5",
    "cp949": "ks_c_5601-1987 ks_c_5601 euc-kr cp949 korean ksc5601 windows-949",
    "iso2022_kr": "iso-2022-kr",
    "cp932": "shift_jis shift-jis sjis x-sjis cp932 ms_kanji windows-31j",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp_ext": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 csiso2022jp iso-2022-jp-ms",
    "utf-7": "utf-7 utf7 unicode-1-1-utf-7",
    "cp1252": "iso-8859-1 latin1 latin-1 windows-1252 cp1252 iso8859-1 l1",
    "koi8_r": "koi8-r",
    "koi8_u": "koi8-u",
    "cp874": "tis-620 windows-874 iso-8859-11",
    **{f"iso8859_{n}": f"iso-8859-{n} iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    **{f"cp{n}": f"windows-{n} cp{n}" for n in (1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 866)},
}
_CODECS = {alias: codec for codec, aliases in _KNOWN.items() for alias in aliases.split()}
_ASCII = frozenset(("us-ascii", "ascii", "ansi_x3.4-1968", "646", ""))
# The commonest characters of each script: a wrong decoding meets hardly any of them.
_SIMPLIFIED = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定"
    "行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其"
    "些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建"
    "月公无系军很情者最立代想已通并提直题程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知"
    "订单客服退款您好请谢发票货物流快递申诉处理联系电话账户购买"
)
_TRADITIONAL = frozenset(
    "的一是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說產種面而方後多定"
    "行學法所民得經十三之進著等部度家電力裡如水化高自二理起小物現實加量都兩體制機當使點從業本去把性好應開它合還因由其"
    "訂單客服退款您好請謝發票貨運處理聯繫電話帳戶購買沒問題與關各重新線內"
)
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,4000})\?=")
_BETWEEN = re.compile(r"(=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,4000}\?=)[ \t\r\n]+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def decode(data: bytes, charset: str = "") -> str:
    """Text of bytes that are claimed to be in `charset`; claims that do not hold are not believed."""
    codec = codec_of(charset)
    if codec == "utf-7" and not data.isascii():
        codec = ""
    if codec in ("", "cp1252"):  # said by mailers that do not know: whatever is not plain is looked at
        return _plain(guess(data))
    for tried in dict.fromkeys((codec, *_ALSO.get(codec, ()))):
        try:
            return _plain(data.decode(tried))
        except (UnicodeDecodeError, ValueError):
            continue
    guessed = guess(data)
    by_claim = data.decode(codec, "replace")
    # A few broken characters in a long text are no reason to read all of it in another encoding.
    is_slip = by_claim.count("\ufffd") * 50 < len(by_claim) and _score(by_claim) >= _score(guessed)
    return _plain(by_claim if is_slip else guessed)


_ALSO = {"utf-16": ("utf-8",), "iso2022_jp_ext": ("iso2022_jp_2004",), "big5hkscs": ("cp950",)}


def codec_of(charset: str) -> str:
    """Python's name of an encoding; empty for one that says nothing or is unknown."""
    name = charset.strip(" \t\r\n\"'").lower()
    return "" if name in _ASCII else _CODECS.get(name, _CODECS.get(name.replace("_", "-"), ""))


def guess(data: bytes) -> str:
    """Text of bytes about which nothing true is known: UTF-8 if it is valid, else the likeliest of the others."""
    if data.isascii():
        return _escaped(data)
    for codec in ("utf-8-sig", "utf-8"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    best, best_score = "", -1.0
    is_latin = _is_latin(data)
    for codec in ("big5hkscs",) if is_latin else ("gb18030", "big5hkscs", "cp932", "cp949"):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if (score := _score(text)) > best_score:
            best, best_score = text, score
    if best_score >= (0.3 if is_latin else 0.05):
        return best
    try:
        as_utf8 = data.decode("utf-8", "replace")
        if as_utf8.count("\ufffd") * 20 < len(as_utf8):
            return as_utf8
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _is_latin(data: bytes) -> bool:
    """Whether most bytes that are not ASCII stand alone, as accents do; in Chinese they come in pairs."""
    runs = re.findall(rb"[\x80-\xff]+", data[:20_000])
    return sum(len(run) == 1 for run in runs) * 2 >= len(runs)


def _escaped(data: bytes) -> str:
    """Plain ASCII; where it holds escapes of Japanese or Korean mail, that is what it is."""
    for mark, codec in ((b"\x1b$", "iso2022_jp_ext"), (b"\x1b(", "iso2022_jp_ext")):
        if mark in data:
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                continue
    return data.decode("ascii")


def _score(text: str) -> float:
    """How much of what is not ASCII is common in Chinese, Japanese or Korean."""
    wide = [c for c in text[:4000] if ord(c) > 127]
    if not wide:
        return 0.0
    simplified = sum(c in _SIMPLIFIED for c in wide)
    traditional = sum(c in _TRADITIONAL for c in wide)
    other = sum(
        1.0 if "\u3040" <= c <= "\u30ff" else 0.5
        for c in wide
        if "\u3040" <= c <= "\u30ff" or "\uac00" <= c <= "\ud7a3"
    )
    marks = sum(c in "，。！？：；、（）“”《》" for c in wide) * 0.5
    return (max(simplified, traditional, other) + marks) / len(wide)


def _plain(text: str) -> str:
    """Without control characters, which some programs take for orders; line ends are \\n."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


# --- headers ---------------------------------------------------------------------------------------------------------


def header(raw: str) -> str:
    """A header's words on one line: encoded words, bytes that nobody encoded, folded lines."""
    data = raw.encode("utf-8", "surrogateescape")
    text = guess(data) if not data.isascii() else data.decode("ascii")
    text = _words(text) if "=?" in text else text
    return " ".join(_BIDI.sub("", _plain(text)).split())


def _words(text: str) -> str:
    """With its encoded words decoded; neighbours are joined as bytes first, since mailers cut within a character."""
    text = _BETWEEN.sub(r"\1", text)
    found: list[str] = []
    at = 0
    pieces: list[tuple[str, bytes]] = []

    def flush() -> None:
        for charset, run in groupby(pieces, key=lambda piece: piece[0]):
            found.append(decode(b"".join(data for _charset, data in run), charset))
        pieces.clear()

    for match in _WORD.finditer(text):
        if match.start() > at:
            flush()
            found.append(text[at : match.start()])
        pieces.append((match[1].partition("*")[0].lower(), _bytes_of(match[2], match[3])))
        at = match.end()
    flush()
    return "".join(found) + text[at:]


def _bytes_of(way: str, text: str) -> bytes:
    from binascii import Error, a2b_base64, a2b_qp

    data = text.encode("utf-8", "surrogateescape")
    if way in "qQ":
        return a2b_qp(data, header=True)
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    try:
        return a2b_base64(data + b"=" * (-len(data) % 4))
    except Error:
        return a2b_base64(data[: len(data) // 4 * 4])
