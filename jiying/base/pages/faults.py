"""The page for what nobody foresaw. It asks neither the database nor who looks: either may be what failed."""

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils import timezone


def server_error(request: HttpRequest) -> HttpResponse:
    """What was kept, what to do, and the number by which the log tells more."""
    about = {"fault_id": getattr(request, "fault_id", ""), "server_now": timezone.now().timestamp()}
    return HttpResponse(loader.get_template("500.html").render(about), status=500)
