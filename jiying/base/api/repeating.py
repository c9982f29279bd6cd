"""`Idempotency-Key` on every POST: a repeat gets the first answer again, and whatever it asked for is done once.

The key is taken in the transaction of the call itself: both are stored or neither is, whatever is killed on the way,
and of two at once the second waits for the first. Keys belong to a token (or a signed-in person), for a day.
"""

import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from jiying.base import transactions
from jiying.base.api.wire import actor_of
from jiying.base.errors import Conflict, Invalid
from jiying.base.models import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
MAX_LENGTH = 120
FORM = r"^[\x21-\x7e]+$"
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": "A word of your own for this call (a UUID, say). The same word with the same request gives the first"
    " answer again (`Idempotent-Replayed: true`) and does nothing; with another request it is refused (409)."
    " Kept for 24 hours, for each token apart. A refused call does not use it up.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": FORM},
}
_BY_ITSELF = "keeps_its_key"
View = Callable[..., HttpResponse]


def by_itself(view: View) -> View:
    """For a POST whose service keeps the key in a transaction of its own, shorter than the whole call."""
    setattr(view, _BY_ITSELF, True)
    return view


def once(view: View) -> View:
    """Decorator of every operation of the API: a POST with a key is done once."""

    @functools.wraps(view)
    def run(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        if request.method != "POST" or not key_of(request) or getattr(view, _BY_ITSELF, False):
            return view(request, *args, **values)
        return _once(request, lambda: view(request, *args, **values))

    return run


def key_of(request: HttpRequest) -> str:
    """The key that the caller sent, empty for none; Invalid where it is none."""
    key = request.headers.get(HEADER)
    if key is None:
        return ""
    if not re.match(FORM, key):
        raise Invalid.one(HEADER, "wrong_form", value=key[:80], form=FORM)
    if len(key) > MAX_LENGTH:
        raise Invalid.one(HEADER, "too_long", limit=MAX_LENGTH, length=len(key))
    return key


def again(status: int, answer: str, location: str) -> HttpResponse:
    """The answer to a repeat: the first one."""
    headers = {REPLAYED: "true", **({"Location": location} if location else {})}
    return HttpResponse(answer, status=status, content_type="application/json", headers=headers)


def _once(request: HttpRequest, call: Callable[[], HttpResponse]) -> HttpResponse:
    caller, key, digest = actor_of(request).caller, key_of(request), _digest(request)
    done = transactions.run(lambda: _first(caller, key, digest, call))
    if done is not None:
        return done
    held = IdempotencyKey.objects.filter(actor=caller, key=key).first()
    if held is None:  # swept in this very moment
        raise Conflict.one("stale")
    if held.digest != digest:
        raise Conflict.one("idempotency_mismatch", HEADER)
    return again(held.status, held.answer, held.location)


def _first(caller: str, key: str, digest: str, call: Callable[[], HttpResponse]) -> HttpResponse | None:
    """The call and its answer in the caller's transaction; None where the key was used before."""
    if not _take(caller, key, digest):
        return None
    response = call()
    if response.status_code >= 400:
        transaction.set_rollback(True)
    else:
        _keep(caller, key, response)
    return response


def _digest(request: HttpRequest) -> str:
    """Of address and body; a form with files was read piece by piece, so that its parts are taken."""
    found = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if not (request.content_type or "").startswith("multipart/"):
        found.update(request.body)
        return found.hexdigest()
    for name, values in sorted(request.POST.lists()):
        found.update(repr((name, values)).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            found.update(repr((name, file.name, file.size)).encode())
            for chunk in file.chunks():
                found.update(chunk)
            file.seek(0)
    return found.hexdigest()


def _take(caller: str, key: str, digest: str) -> bool:
    """Whether the key was free. A call that is under way is waited for (on SQLite it holds the lock anyway)."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO base_idempotencykey (actor, key, digest, subject_kind, status, location, answer, at) "
            "VALUES (%s, %s, %s, '', 0, '', '', %s) ON CONFLICT DO NOTHING",
            [caller, key, digest, now],
        )
        return bool(cursor.rowcount)


def _keep(caller: str, key: str, response: HttpResponse) -> None:
    kept = getattr(response, "kept", response.content)
    IdempotencyKey.objects.filter(actor=caller, key=key).update(
        status=response.status_code, location=response.get("Location", ""), answer=kept.decode()
    )
