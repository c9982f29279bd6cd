"""Steps of tickets: what of the journal a ticket's clocks mind, ticket by ticket, as arrays beside the files of events.

A file of events has its pack when it is big enough: written with it, named with it in the manifest, and never changed,
as files do not. What has none is packed when it is asked for. The machine that asks need only see the folder.
"""

# ruff: noqa: S608 - names are our own

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiying.core import fold_loops as k
from jiying.core.fold_log import WORD_BITS, Pack
from jiying.warehouse import files, store
from jiying.warehouse.asking import Source
from jiying.warehouse.store import Content, File

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE, UNPACKED = "events", "unpacked"  # the view of the rows that have no pack
WORTH = 10_000  # rows of a file that has one: what is less is packed within milliseconds
# Facts that clocks of tickets mind, and what they are in the fold: messages by what is said of them.
KINDS = {
    "ticket.opened": k.OPENED,
    "ticket.assigned": k.ASSIGNED,
    "ticket.transferred": k.ASSIGNED,
    "ticket.unassigned": k.ASSIGNED,
    "ticket.accepted": k.ACCEPTED,
    "ticket.message": k.WROTE,
    "ticket.held": k.HELD,
    "ticket.resumed": k.RESUMED,
    "ticket.solved": k.SOLVED,
    "ticket.confirmed": k.CLOSED,
    "ticket.closed": k.CLOSED,
    "ticket.rejected": k.REJECTED,
    "ticket.reopened": k.REOPENED,
    "ticket.cancelled": k.CANCELLED,
    "ticket.merged": k.CANCELLED,
    "ticket.reclassified": k.RECLASSIFIED,
}
_LISTED = ", ".join(f"'{kind}'" for kind in KINDS)
_SECOND = '(epoch_us("at") + 999999) // 1000000'
# A closing that tells when its ticket had been solved (an imported one) is preceded by solving it then. Messages that
# no clock minds are left out.
_TOLD = f"""
SELECT subject_id::BIGINT AS id, {_SECOND} AS at_s, entry_id, kind, if(kind = 'ticket.closed', '', code) AS code
FROM {{rows}} WHERE subject_kind = 'ticket' AND kind IN ({_LISTED}) AND (kind <> 'ticket.message' OR code <> '')
UNION ALL SELECT subject_id, TRY_CAST(code AS BIGINT), entry_id, 'ticket.solved', ''
FROM {{rows}} WHERE subject_kind = 'ticket' AND kind = 'ticket.closed' AND TRY_CAST(code AS BIGINT) < {_SECOND}"""
_WORDS = (
    "SELECT kind, code, row_number() OVER (ORDER BY kind, code) - 1 AS word FROM (SELECT DISTINCT kind, code FROM told)"
)
_PACKED = f"""
SELECT id, at_s * {1 << WORD_BITS} + word AS turn, entry_id::BIGINT AS entry_id FROM told JOIN words USING (kind, code)
ORDER BY id, at_s, entry_id"""
FORM = hashlib.sha256(repr((1, WORD_BITS, _TOLD, _WORDS, _PACKED)).encode()).hexdigest()[:12] + ".npy"


@dataclass(frozen=True)
class Steps:
    """A pack, and what its words are: (kind of fact, code)."""

    pack: Pack
    words: tuple[tuple[str, str], ...]


def kept(connection: Any, contents: Mapping[str, Content]) -> dict[str, Content]:
    """The same contents with a pack beside each file of events that is worth one."""
    found = dict(contents)
    if TABLE in contents:
        months = {
            month: tuple(
                file if file.n_rows < WORTH or file.pack.endswith(FORM) else _kept(connection, file) for file in held
            )
            for month, held in contents[TABLE].months.items()
        }
        found[TABLE] = replace(contents[TABLE], months=months)
    return found


def unpacked(content: Content) -> Content:
    """The files that have no pack."""
    return Content(
        {month: tuple(f for f in held if not f.pack.endswith(FORM)) for month, held in content.months.items()}
    )


def packs(content: Content, months: set[str] | None) -> tuple[str, ...]:
    """Paths of what is kept beside the files of these months, or of all."""
    held = [file for month, found in content.months.items() if months is None or month in months for file in found]
    return tuple(file.pack for file in held if file.pack.endswith(FORM))


def of(source: Source) -> list[Steps]:
    """All steps, in packs. Raises FileNotFoundError where one has been swept away since."""
    found = [_load(Path(source.folder, path)) for path in source.packs]
    rest = _rest(source)
    return [*found, rest] if len(rest.pack.ids) else found


@lru_cache(maxsize=2)
def _rest(source: Source) -> Steps:
    """Of what has no pack: the same for all portions of a replay."""
    return packed(source.query, source.columns, UNPACKED)


# --- packing ---------------------------------------------------------------------------------------------------------


def packed(query: Callable[[str], Any], columns: Callable[[str], Mapping[str, "NDArray[Any]"]], rows: str) -> Steps:
    """The steps among these rows, as SQL behind FROM."""
    import numpy as np

    query(f"CREATE OR REPLACE TEMP TABLE told AS {_TOLD.format(rows=rows)}")
    query(f"CREATE OR REPLACE TEMP TABLE words AS {_WORDS}")
    words = query("SELECT kind, code FROM words ORDER BY word")
    told = {name: np.ma.getdata(column) for name, column in columns(_PACKED).items()}
    for table in ("told", "words"):
        query(f"DROP TABLE {table}")
    begins = np.flatnonzero(np.diff(told["id"], prepend=told["id"][:1] - 1))
    firsts = np.append(begins, len(told["id"]))
    return Steps(Pack(told["id"][begins], firsts, told["turn"], told["entry_id"]), tuple(words))


# --- the file: how many tickets, steps and bytes of words, then all of these as one array ----------------------------


def _kept(connection: Any, file: File) -> File:
    def query(sql: str) -> Any:
        return connection.execute(sql).fetchall()

    def columns(sql: str) -> Any:
        return connection.execute(sql).fetchnumpy()

    path = f"{file.path.removesuffix('.parquet')}.{FORM}"
    write(store.folder() / path, packed(query, columns, f"read_parquet({files.paths([file])})"))
    return replace(file, pack=path)


def write(path: Path, made: Steps) -> None:
    import numpy as np

    pack, words = made.pack, json.dumps(made.words).encode()
    head = np.array([len(pack.ids), len(pack.turns), len(words)], np.int64)
    text = np.frombuffer(words.ljust(-(-len(words) // 8) * 8), np.int64)
    np.save(path, np.concatenate([head, pack.ids, pack.firsts, pack.turns, pack.entries, text]))


def _load(path: Path) -> Steps:
    """Its arrays are read as they are used."""
    import numpy as np

    whole = np.asarray(np.load(path, mmap_mode="c"))
    n_tickets, n_steps, n_bytes = (int(n) for n in whole[:3])
    ids, firsts, turns, entries, text = np.split(whole[3:], np.cumsum([n_tickets, n_tickets + 1, n_steps, n_steps]))
    words = json.loads(text.tobytes()[:n_bytes])
    return Steps(Pack(ids, firsts, turns, entries), tuple((kind, code) for kind, code in words))
