"""Every refusal and failure under /api/ as problem+json (RFC 9457): the one place where it is decided how they look."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from pydantic_core import to_json

from jiying.base import problems
from jiying.base.errors import Fault, Refused
from jiying.base.middleware import Handler

log = structlog.get_logger()

_TITLES = {400: "refused", 401: "unauthenticated", 403: "denied", 404: "not_found", 405: "method_not_allowed"}


def problem(
    request: HttpRequest, status: int, title: str, faults: Sequence[Fault], headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """The answer; it carries the request's id, under which the log knows it."""
    body: dict[str, Any] = problems.body(status, title, faults)
    body["fault_id"] = getattr(request, "fault_id", "")
    response = HttpResponse(to_json(body), status=status, content_type=problems.MEDIA_TYPE, headers=headers)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Jiying"'
    return response


def of_exception(request: HttpRequest, error: BaseException) -> HttpResponse:
    """What an exception becomes; one that nobody foresaw is logged under the id that the caller is told."""
    if isinstance(error, Refused):
        return problem(request, error.status, error.title, error.faults)
    if isinstance(error, RequestDataTooBig):
        return problem(request, 413, "too_large", [Fault("", "too_large", {"limit": max_body()})])
    if isinstance(error, UnreadablePostError):
        return problem(request, 400, "unreadable", [Fault("", "bad_request")])
    if isinstance(error, Http404):
        return problem(request, 404, "not_found", [_nowhere(request)])
    if isinstance(error, IntegrityError):  # somebody else was quicker with the same key or number
        log.warning("api_conflict", path=request.path, error=str(error)[:200])
        return problem(request, 409, "conflict", [Fault("", "stale")])
    if isinstance(error, DataError):
        log.warning("api_value_refused", path=request.path, error=str(error)[:200])
        return problem(request, 422, "invalid", [Fault("", "value_refused")])
    if isinstance(error, OperationalError | InterfaceError):  # it restarts, or hands over to its standby
        log.warning("api_database_away", path=request.path, error=str(error)[:200])
        return problem(request, 503, "busy", [Fault("", "database_away")], {"Retry-After": "2"})
    fault_id = getattr(request, "fault_id", "")
    log.error("api_fault", path=request.path, fault=fault_id, exc_info=error)
    return problem(request, 500, "unexpected", [Fault("", "unexpected", {"fault_id": fault_id})])


def max_body() -> int:
    """The largest body that is read, in bytes."""
    from django.conf import settings

    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _nowhere(request: HttpRequest) -> Fault:
    return Fault("", "no_address", {"path": request.path[:200]})


def only_problems(get_response: Handler) -> Handler:
    """Middleware: what others than the API's own handlers refused under /api/ looks the same (404, 405, bad requests).

    Answers may hold personal data, so that no cache keeps them.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path.startswith("/api/"):
            return response
        if response.status_code >= 400 and response.get("Content-Type", "") != problems.MEDIA_TYPE:
            response = _instead(request, response)
        response.setdefault("Cache-Control", "no-store")
        return response

    return handle


def _instead(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    status = response.status_code
    allowed = response.get("Allow", "")
    if status >= 500:
        fault = Fault("", "unexpected", {"fault_id": getattr(request, "fault_id", "")})
        return problem(request, status, "unexpected", [fault])
    if status == 405:
        fault = Fault("", "method_not_allowed", {"method": str(request.method)[:20], "allowed": allowed})
        return problem(request, status, "method_not_allowed", [fault], {"Allow": allowed})
    fault = _nowhere(request) if status == 404 else Fault("", "bad_request")
    return problem(request, status, _TITLES.get(status, "refused"), [fault])
