"""A telephone system to try things with: `python -m bench.phone URL SECRET` lets a customer call, in real time.

URL is the address that the connection of kind "Telephone system (CTI)" shows. `--agent` is an extension, employee
number or user name; `--missed` hangs up before anybody answers; `--quick` waits for nothing.
"""

import argparse
import http.client
import json
import sys
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from bench.table import show
from jiying.core import hooks


def story(told: argparse.Namespace) -> list[tuple[float, dict[str, Any]]]:
    """(seconds to wait before it, event) of one call."""
    call = {"call_id": uuid.uuid4().hex, "caller": told.caller, "called": told.called, "queue": told.queue}
    call["agent"] = told.agent
    ringing: tuple[float, dict[str, Any]] = (0, {**call, "event": "ringing"})
    if told.missed:
        return [ringing, (told.rings_s, {**call, "event": "missed"})]
    recording = f"https://records.example.com/{call['call_id']}.mp3"
    return [
        ringing,
        (told.rings_s, {**call, "event": "answered"}),
        (told.talks_s, {**call, "event": "ended", "duration_s": int(told.talks_s)}),
        (1, {**call, "event": "recording", "recording_url": recording}),
    ]


def send(url: str, secret: str, event: dict[str, Any]) -> tuple[int, str]:
    """Post one event, signed; what came back."""
    place = urlsplit(url)
    body, timestamp = json.dumps({**event, "at": int(time.time())}).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Jiying-Timestamp": timestamp,
        "X-Jiying-Signature": hooks.sign(secret, timestamp, body),
    }
    speaks = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    line = speaks(place.netloc, timeout=10)
    try:
        line.request("POST", place.path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.read(200).decode("utf-8", "replace")
    finally:
        line.close()


def asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.phone", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("secret")
    parser.add_argument("--caller", default="13812345678")
    parser.add_argument("--called", default="4008001234")
    parser.add_argument("--agent", default="")
    parser.add_argument("--queue", default="")
    parser.add_argument("--rings-s", type=float, default=5)
    parser.add_argument("--talks-s", type=float, default=20)
    parser.add_argument("--missed", action="store_true")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Let one customer call; 1 if the house refused an event."""
    told = asked(arguments)
    for wait_s, event in story(told):
        time.sleep(0 if told.quick else wait_s)
        status, text = send(told.url, told.secret, event)
        show(f"{event['event']:10} {status} {text}")
        if status != 200:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
