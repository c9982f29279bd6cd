"""Alerts to a system of the house by a signed web hook, and text messages by the HTTP gateway of an operator."""

import json
from urllib.parse import quote, urlencode

from jiying.alerts.services.posting import NotSent
from jiying.alerts.services.ways import Message, Way, ask, hear
from jiying.base import outgoing
from jiying.base.connections import Open
from jiying.core import robots
from jiying.core.buckets import Limit

MAX_SMS = 60  # with the signature that operators add it is still one message of 70 characters


def _hook(open: Open, message: Message) -> None:
    items = [
        {"label": i.label, "text": i.text, "priority": i.priority, "title": i.title, "url": i.url}
        for i in message.items
    ]
    told = {"key": message.key, "at": message.at_ms // 1000, "heading": message.heading, "alerts": items}
    body = json.dumps(told, ensure_ascii=False).encode()
    at = message.at_ms // 1000
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Jiying-Key": message.key,
        "X-Jiying-Timestamp": str(at),
    }
    if secret := open.secrets.get("secret", ""):
        headers["X-Jiying-Signature"] = robots.sign_hook(secret, at, body)
    _judge(ask("POST", str(open.options["url"]), body, headers))


def sms_text(message: Message) -> str:
    """One line: the first alert, and how many more there are."""
    first = f"{message.items[0].label} {message.items[0].text}"
    more = f" (+{len(message.items) - 1})" if len(message.items) > 1 else ""
    room = MAX_SMS - len(more)
    return (first if len(first) <= room else first[: room - 1] + "…") + more


def _sms(open: Open, message: Message) -> None:
    if not message.phone:
        raise NotSent("no_number", final=True)
    places = {"phone": message.phone, "text": sms_text(message), "key": message.key}
    url = _filled(str(open.options["url"]), {name: quote(value, safe="") for name, value in places.items()})
    method, form = str(open.options["method"]), str(open.options["form"])
    body = b"" if method == "GET" else sms_body(form, str(open.options["body"]), places)
    kinds = {"json": "application/json; charset=utf-8", "form": "application/x-www-form-urlencoded"}
    headers = {
        **({} if method == "GET" else {"Content-Type": kinds[form]}),
        **_headers(open.secrets.get("headers", "")),
    }
    answer = ask(method, url, body, headers)
    _judge(answer)
    wanted = str(open.options["success"])
    if wanted and wanted not in answer.text:  # many gateways say 200 to all
        raise NotSent(f"{answer.status} {answer.text[:200]}")


def sms_body(form: str, template: str, places: dict[str, str]) -> bytes:
    """The template with its places filled in so that no text can leave its place."""
    if form == "json":
        return _filled(
            template, {name: json.dumps(text, ensure_ascii=False)[1:-1] for name, text in places.items()}
        ).encode()
    return _filled(template, {name: urlencode({"": text})[1:] for name, text in places.items()}).encode()


def _filled(template: str, places: dict[str, str]) -> str:
    """In one pass: what was filled in is not looked at again."""
    parts = template.split("{")
    made = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        made.append(places[name] + rest if brace and name in places else "{" + part)
    return "".join(made)


def _headers(lines: str) -> dict[str, str]:
    """`Name: value`, one to a line."""
    pairs = (line.partition(":") for line in lines.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, _colon, value in pairs}


def _judge(answer: outgoing.Answer) -> None:
    hear(robots.http_verdict(answer.status, answer.headers.get("retry-after", ""), answer.text))


def _per_minute(open: Open) -> tuple[Limit, ...]:
    n = open.options.get("per_minute")
    return (Limit(int(n), 60),) if n else ()


HOOKS = (
    Way("alert_hook", _hook, 100, _per_minute, lambda open: str(open.options["url"])),
    Way("sms", _sms, 100, _per_minute, lambda open: str(open.options["url"])),
)
