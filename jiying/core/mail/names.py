"""Names of files that came by mail: safe to keep, safe to show; and those that nobody should open by a click."""

import re
import unicodedata

MAX_NAME = 100
# What a double click would run on the machine of an agent. It stays in the original.
_RUNS = frozenset(
    "exe scr com pif bat cmd msi msp mst vbs vbe js jse wsf wsh ps1 psm1 hta cpl jar lnk reg inf scf url app dmg pkg "
    "deb rpm sh apk iso img vhd vhdx chm hlp gadget application ade adp mde svg svgz xhtml htm html mht mhtml "
    "xml".split()
)
_BAD = re.compile(r"[<>:\"|?*\x00-\x1f\x7f]")


def kept_name(name: str) -> str:
    """The last part of a name, on one line, without characters that lead elsewhere or turn the text round."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    name = " ".join(_BAD.sub("", name).split()).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = ending or "file", "", ""
    if len(ending) > 12:
        stem, dot, ending = name, "", ""
    return stem[: MAX_NAME - len(ending) - 1] + dot + ending


def left_out(name: str) -> str:
    """Why a file of this name is not taken over; empty: it is."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    return "runs" if ending in _RUNS else ""
