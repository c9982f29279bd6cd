"""The whole test run of `make test`, stage after stage, on two cores.

A stage has lanes that run side by side, and a lane runs its jobs one after another; what a job wrote is printed when
it is done. Ends with the closing line of every run, and fails if any of them failed.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers

SUITE = "not processes and not e2e"
HANG_S = 240  # of one test in the browser; the longest takes half a minute


@dataclass(frozen=True)
class Job:
    """One pytest run; `database` is sqlite, postgres, or empty for the core, which has none."""

    name: str
    database: str
    arguments: tuple[str, ...]
    limit_s: float = 2400  # twice what it takes: a job that hangs must not take the report of the others with it


def _marked(name: str, database: str, mark: str, *more: str, limit_s: float = 2400) -> Job:
    return Job(name, database, ("tests", "--ignore=tests/core", "-m", mark, *more), limit_s)


SLOW_BROWSER = ("-v", "-o", f"faulthandler_timeout={HANG_S}")
STAGES: tuple[tuple[tuple[Job, ...], ...], ...] = (
    (
        (Job("core", "", ("tests/core",)), _marked("suite on SQLite", "sqlite", SUITE)),
        (_marked("suite on PostgreSQL", "postgres", SUITE),),
    ),
    (
        (_marked("processes on SQLite", "sqlite", "processes"),),
        (_marked("processes on PostgreSQL", "postgres", "processes"),),
    ),
    (
        (_marked("end to end on SQLite", "sqlite", "e2e", *SLOW_BROWSER, limit_s=1200),),
        (_marked("end to end on PostgreSQL", "postgres", "e2e and smoke", *SLOW_BROWSER, limit_s=600),),
    ),
)


@dataclass(frozen=True)
class Result:
    job: Job
    code: int
    text: str  # what it wrote
    hung: bool = False

    @property
    def closing(self) -> str:
        return self.text.rpartition("\n")[2]

    def why(self) -> list[str]:
        """What names the fault: the failed tests, and where the threads of a test that hung stood in our own code."""
        own = re.compile(r"^(FAILED|ERROR|E  |Timeout \(|Thread 0x|Fatal |  File \"[^\"]*/(tests|jiying)/)")
        return [line[:300] for line in self.text.splitlines() if own.match(line)][-60:]


@dataclass
class Run:
    """What runs now, so that whoever presses Ctrl+C leaves nothing behind."""

    folder: Path
    database_url: str
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    printing: threading.Lock = field(default_factory=threading.Lock)

    def lane(self, jobs: tuple[Job, ...]) -> list[Result]:
        return [self.job(job) for job in jobs]

    def job(self, job: Job) -> Result:
        """Its result. One that hung (its stacks are printed) is started once more; failed tests never are."""
        result = self._once(job)
        if result.hung:
            print(f"--- {job.name}: hung, once more", flush=True)
            result = self._once(job)
        return result

    def _once(self, job: Job) -> Result:
        """Runs it to its end, or to its limit, and prints what it wrote."""
        output = self.folder / job.name.replace(" ", "-")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "--durations=5", "-p", "no:cacheprovider", *job.arguments],
                env=self._environment(job),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.processes.append(process)
        began = time.monotonic()
        try:
            code = process.wait(job.limit_s)
        except subprocess.TimeoutExpired:
            code = kill(process)
        text = output.read_text(encoding="utf-8", errors="replace").rstrip()
        if code == -signal.SIGKILL:
            text += f"\nkilled after {time.monotonic() - began:.0f} s; its limit is {job.limit_s:.0f} s"
        with self.printing:
            print(f"--- {job.name}\n{text}", flush=True)
        hung = code == -signal.SIGKILL or bool(re.search(r"Timeout \(\d+:\d\d:\d\d\)!", text))
        return Result(job, code, text, hung)

    def _environment(self, job: Job) -> dict[str, str]:
        more = {"JIYING_TEST_DB": job.database or "sqlite"}
        if job.database == "postgres":
            more["DATABASE_URL"] = self.database_url
        return {**os.environ, **more}


def kill(process: "subprocess.Popen[bytes]") -> int:
    """Ends it and what it started in its own session; its exit code."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def run_stage(run: Run, lanes: list[tuple[Job, ...]]) -> list[Result]:
    print(f"=== {' | '.join(', '.join(job.name for job in lane) for lane in lanes)}", flush=True)
    with ThreadPoolExecutor(len(lanes)) as pool:
        started = [pool.submit(run.lane, lane) for lane in lanes]
        try:
            return [result for lane in started for result in lane.result()]
        finally:
            for process in run.processes:
                if process.poll() is None:
                    kill(process)


def main(only: list[str]) -> int:
    """0 when every job passed; `only` names parts of job names to run fewer."""
    began = time.monotonic()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="jiying-tests-") as folder, servers.postgres(is_durable=False) as server:
        run = Run(Path(folder), server.url)
        for stage in STAGES:
            wanted = [tuple(j for j in lane if not only or any(w in j.name for w in only)) for lane in stage]
            if lanes := [lane for lane in wanted if lane]:
                results += run_stage(run, lanes)
    print(f"=== all runs, {time.monotonic() - began:.0f} s")
    for result in results:
        verdict = "passed" if result.code == 0 else f"FAILED ({result.code})"
        print(f"{verdict:<11} {result.job.name}: {result.closing}")
        if result.code:
            print("\n".join(result.why()))
    return int(any(result.code for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
