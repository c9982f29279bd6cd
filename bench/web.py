"""A running house for benches: web processes (and a worker, if asked for) on a free port of loopback."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def serving(*, web: int = 2, worker: bool = True, **more: str) -> Iterator[int]:
    """`jiying up` with this process's database; yields the port once it answers."""
    from tests.servers import free_port

    port = free_port()
    env = {**os.environ, "PORT": str(port), "JIYING_WEB_PROCESSES": str(web), "JIYING_LOG_LEVEL": "ERROR", **more}
    arguments = [sys.executable, "-m", "jiying", "up"] if worker else [sys.executable, "-m", "jiying", "web"]
    process = subprocess.Popen(arguments, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def wait(port: int, process: "subprocess.Popen[bytes]", path: str = "/health/live") -> None:
    """Until `path` is answered; RuntimeError if it never is, or the process ends."""
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"the house ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the house does not answer")
