"""`python -m bench` (make bench): every table, one after another, each in a process of its own; names pick some."""

import subprocess
import sys
from pathlib import Path

from bench.table import show

ROOT = Path(__file__).resolve().parent.parent
ALL = (
    "calendars", "replay", "due", "live", "intake", "mail", "chat", "pages", "search", "paint", "warehouse", "reports",
    "maps",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Run the named benches, or all; the exit code is the number of those that failed."""
    unknown = set(names) - set(ALL)
    if unknown:
        show(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
        return 2
    failed = 0
    for name in names or ALL:
        show(f"\n##### bench.{name}")
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=ROOT, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
