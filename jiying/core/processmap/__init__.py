"""Maps of real processes from event logs: what follows what, how often, after how long, what it costs (I10, I12).

`Log` → `fold` (numpy) or `kernel.fold` (compiled, for millions) → `Part`s → `merge` → `summary`; `layout.draw` places
it on paper. Definitions: docs/algorithms/process-maps.md. May not query anything.
"""

from jiying.core.processmap.figures import (
    Activity,
    Bottleneck,
    Edge,
    Handover,
    ProcessMap,
    Rework,
    Spread,
    Variant,
    summary,
)
from jiying.core.processmap.log import Codes, Log, Sorted, blocks, by_case, pair
from jiying.core.processmap.parts import Part, fold, merge

__all__ = [
    "Activity", "Bottleneck", "Codes", "Edge", "Handover", "Log", "Part", "ProcessMap", "Rework", "Sorted", "Spread",
    "Variant", "blocks", "by_case", "fold", "merge", "pair", "summary",
]  # fmt: skip
