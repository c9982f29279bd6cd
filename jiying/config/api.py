"""The REST API: routers of all features under /api/v1, who calls, and how its errors look (`base.api.answering`)."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationErrorContext
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from jiying.alerts import api as alerts
from jiying.base.api import administration, answering, connections, people, repeating
from jiying.base.api.auth import Bearer, SignedIn, Unauthenticated
from jiying.base.api.reading import Parser, fault_of
from jiying.base.errors import Fault, Invalid, NotFound, Refused
from jiying.base.problems import MEDIA_TYPE
from jiying.channels import api as channels
from jiying.clocks import api as clocks
from jiying.desk import api as desk
from jiying.insight import api as insight
from jiying.process import api as process
from jiying.quality import api as quality

_DESCRIPTION = """Jiying's REST API. Instants are ISO 8601 with an offset; durations are whole seconds and end in `_s`.
Lists are paged by an opaque `cursor`. Refusals are `application/problem+json` with a code and a text for each field.
Every POST takes an `Idempotency-Key`, so that it can be repeated safely for 24 hours."""

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors", "fault_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "text"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "text")},
            },
        },
        "fault_id": {"type": "string"},
    },
}


class Api(NinjaAPI):
    """Ninja with our faults instead of pydantic's, short operation ids, and problems in its schema."""

    def validation_error_from_error_contexts(self, error_contexts: list[ValidationErrorContext[Any]]) -> Any:
        """All that the schemas found wrong, at once; an address whose parts cannot exist is not found."""
        faults = []
        for context in error_contexts:
            source = context.model.__ninja_param_source__
            flat = context.model.__ninja_flatten_map_reverse__
            for error in context.pydantic_validation_error.errors(include_url=False):
                if source == "path":
                    return NotFound(str(error["loc"][-1]), str(error["input"])[:80])
                path = flat.get(error["loc"], error["loc"])
                faults.append(fault_of(_field(path, source == "body"), error))
        return Invalid(*faults)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **about: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**about)
        schema["components"]["schemas"]["Problem"] = _PROBLEM
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in schema["paths"].values():
            if "post" in operations:
                operations["post"].setdefault("parameters", []).append(repeating.PARAMETER)
            for operation in operations.values():
                operation["responses"]["default"] = {"description": "Refused", "content": content}
        return schema


def _field(path: Iterable[object], in_body: bool) -> str:
    """The field's name as the caller wrote it; for bodies without the name of our own parameter."""
    parts = [str(part) for part in path]
    return ".".join(parts[1:] if in_body else parts)


api = Api(
    title="Jiying",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    docs=Swagger({"validatorUrl": None, "defaultModelsExpandDepth": 0, "persistAuthorization": False}),
    parser=Parser(),
    auth=[Bearer(), SignedIn()],
)


@api.exception_handler(Http404)  # ninja has one of its own, which is no problem+json
@api.exception_handler(Exception)
def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    return answering.of_exception(request, error)


@api.exception_handler(HttpError)
def _refused_by_ninja(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja wraps what the parser raised, and has an error of its own for nobody."""
    if isinstance(error, AuthenticationError):
        return answering.of_exception(request, Unauthenticated(Fault("", "signed_out")))
    return answering.of_exception(request, error.__cause__ or Refused(Fault("", "bad_request")))


api.add_decorator(repeating.once)
api.add_router("", people.router)
api.add_router("", administration.router)
api.add_router("", connections.router)
api.add_router("", alerts.router)
api.add_router("", clocks.router)
api.add_router("", desk.router)
api.add_router("", channels.router)
api.add_router("", quality.router)
api.add_router("", process.router)
api.add_router("", insight.router)
