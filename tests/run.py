"""The whole test run of `make test` on two cores: two lanes, each of which takes the next job when it is free.

What a job wrote is printed when it is done. Ends with the closing line of every job, what failed in it and where a
test that hung stood; fails if any of them failed.
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
LANES = 2  # one for each core
ALL_S = 80 * 60  # of the whole run: CI ends it after 90 minutes, and would tell nothing


@dataclass(frozen=True)
class Job:
    """One pytest run; `database` is sqlite, postgres, or empty for the core, which has none."""

    name: str
    database: str
    arguments: tuple[str, ...]
    limit_s: float = 2400  # a job that hangs must not take the report of the others with it


def _browser(name: str, database: str, mark: str, *paths: str) -> Job:
    return Job(name, database, (*paths, "-m", mark, "-v", "-o", f"faulthandler_timeout={HANG_S}"), 1200)


# The longest first, so that both lanes end at about the same time.
JOBS = (
    Job("suite on PostgreSQL", "postgres", ("tests", "--ignore=tests/core", "-m", SUITE)),
    Job("suite on SQLite", "sqlite", ("tests", "--ignore=tests/core", "-m", SUITE)),
    Job("processes on PostgreSQL", "postgres", ("tests/processes",), 1800),
    Job("processes on SQLite", "sqlite", ("tests/processes",), 1800),
    _browser("pages in the browser", "sqlite", "e2e", "tests/e2e/test_pages.py"),
    _browser("work in the browser", "sqlite", "e2e", "tests/e2e", "--ignore=tests/e2e/test_pages.py"),
    Job("core", "", ("tests/core",), 900),
    _browser("the browser on PostgreSQL", "postgres", "e2e and smoke", "tests/e2e"),
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
    began: float = field(default_factory=time.monotonic)
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    printing: threading.Lock = field(default_factory=threading.Lock)

    def job(self, job: Job) -> Result:
        """Its result. One that hung is started once more while there is time; failed tests never are."""
        result = self._once(job)
        if result.hung and self.left_s() > job.limit_s:
            print(f"--- {job.name}: hung, once more", flush=True)
            result = self._once(job)
        return result

    def left_s(self) -> float:
        return ALL_S - (time.monotonic() - self.began)

    def _once(self, job: Job) -> Result:
        """Runs it to its end, or to its limit, and prints what it wrote."""
        limit_s = min(job.limit_s, self.left_s())
        if limit_s <= 0:
            return Result(job, 1, f"not run: the whole run may take {ALL_S} s")
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
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = kill(process)
        text = output.read_text(encoding="utf-8", errors="replace").rstrip()
        if code == -signal.SIGKILL:
            text += f"\nkilled after {time.monotonic() - began:.0f} s; its limit was {limit_s:.0f} s"
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


def run_all(run: Run, jobs: list[Job]) -> list[Result]:
    print(f"=== {', '.join(job.name for job in jobs)}", flush=True)
    with ThreadPoolExecutor(LANES) as pool:
        started = [pool.submit(run.job, job) for job in jobs]
        try:
            return [job.result() for job in started]
        finally:  # whoever presses Ctrl+C wants no further job
            pool.shutdown(wait=False, cancel_futures=True)
            for process in run.processes:
                if process.poll() is None:
                    kill(process)


def main(only: list[str]) -> int:
    """0 when every job passed; `only` names parts of job names to run fewer."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jiying-tests-") as folder, servers.postgres(is_durable=False) as server:
        jobs = [job for job in JOBS if not only or any(word in job.name for word in only)]
        results = run_all(Run(Path(folder), server.url), jobs)
    print(f"=== all runs, {time.monotonic() - began:.0f} s")
    for result in results:
        verdict = "passed" if result.code == 0 else f"FAILED ({result.code})"
        print(f"{verdict:<11} {result.job.name}: {result.closing}")
        if result.code:
            print("\n".join(result.why()))
    return int(any(result.code for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
