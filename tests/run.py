"""The whole test run of `make test`, stage after stage, on two cores in about ten minutes.

Stages that only compute run side by side, each into a file of its own that is printed when both are done; stages
that watch real processes run alone. Ends with the closing line of every run, and fails if any of them failed.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests import servers

SUITE = "not processes and not e2e"


@dataclass(frozen=True)
class Job:
    """One pytest run; `database` is sqlite, postgres, or empty for the core, which has none."""

    name: str
    database: str
    arguments: tuple[str, ...]


# In each stage the jobs run at the same time.
STAGES: tuple[tuple[Job, ...], ...] = (
    (Job("core", "", ("tests/core",)),),
    (
        Job("suite on SQLite", "sqlite", ("tests", "--ignore=tests/core", "-m", SUITE)),
        Job("suite on PostgreSQL", "postgres", ("tests", "--ignore=tests/core", "-m", SUITE)),
    ),
    (Job("processes on SQLite", "sqlite", ("tests", "--ignore=tests/core", "-m", "processes")),),
    (Job("processes on PostgreSQL", "postgres", ("tests", "--ignore=tests/core", "-m", "processes")),),
    (Job("end to end on SQLite", "sqlite", ("tests", "--ignore=tests/core", "-m", "e2e")),),
    (Job("end to end on PostgreSQL", "postgres", ("tests", "--ignore=tests/core", "-m", "e2e and smoke")),),
)


def _environment(job: Job, database_url: str) -> dict[str, str]:
    more = {"JIYING_TEST_DB": job.database or "sqlite"}
    if job.database == "postgres":
        more["DATABASE_URL"] = database_url
    return {**os.environ, **more}


def _start(job: Job, output: Path, database_url: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", "-q", "--durations=5", "-p", "no:cacheprovider", *job.arguments]
    with output.open("wb") as file:
        return subprocess.Popen(
            command, env=_environment(job, database_url), stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )


def _run_stage(stage: tuple[Job, ...], folder: Path, database_url: str) -> list[tuple[Job, int, str]]:
    """Runs the jobs of a stage and prints what they wrote; for each its exit code and closing line."""
    print(f"=== {' | '.join(job.name for job in stage)}", flush=True)
    outputs = [folder / job.name.replace(" ", "-") for job in stage]
    started = [_start(job, output, database_url) for job, output in zip(stage, outputs, strict=True)]
    results = []
    for job, process, output in zip(stage, started, outputs, strict=True):
        code = process.wait()
        text = output.read_text(encoding="utf-8", errors="replace").rstrip()
        print(f"--- {job.name}\n{text}", flush=True)
        results.append((job, code, text.rpartition("\n")[2]))
    return results


def main(only: list[str]) -> int:
    """0 when every job passed; `only` names parts of job names to run fewer."""
    began = time.monotonic()
    results: list[tuple[Job, int, str]] = []
    with tempfile.TemporaryDirectory(prefix="jiying-tests-") as folder, servers.postgres() as server:
        for stage in STAGES:
            chosen = tuple(job for job in stage if not only or any(word in job.name for word in only))
            if chosen:
                results += _run_stage(chosen, Path(folder), server.url)
    print(f"=== all runs, {time.monotonic() - began:.0f} s")
    for job, code, closing in results:
        print(f"{'passed' if code == 0 else f'FAILED ({code})':<11} {job.name}: {closing}")
    return int(any(code for _, code, _ in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
