"""Who needs a second factor (a property of roles), from when on, and the gate that holds them until they have one."""

from collections.abc import Callable
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jiying.base import access, settings_store
from jiying.base.actor import Actor
from jiying.base.errors import Fault, NotFound, Refused
from jiying.base.models import Person
from jiying.base.policies import require
from jiying.base.settings_store import Definition
from jiying.base.transactions import short

GRACE = "signin.grace_days"
FACTORS = ("totp", "webauthn")  # recovery codes alone are none
OPEN = ("/accounts/", "/me/", "/language/", "/static/", "/health/", "/live")
_SEEN = "second_factor"  # in the session: this person has one, so that nobody asks again at each request

settings_store.register(
    Definition(GRACE, 7, _("Days in which people may set up a second factor that their role needs"), low=0, high=90)
)


class Missing(Refused):
    """Nothing goes on for this person until they have a second factor."""

    status = 403
    title = "denied"


def factors(person_id: int) -> list[Authenticator]:
    return list(Authenticator.objects.filter(user_id=person_id).order_by("type", "created_at"))


def has_one(person_id: int) -> bool:
    return bool(Authenticator.objects.filter(user_id=person_id, type__in=FACTORS).exists())


def ends_at(person: Person, now: datetime) -> datetime | None:
    """Until when this person may go on without; None where no role of theirs needs one. The first call starts it."""
    if not person.needs_second_factor:
        return None
    if person.second_factor_asked_at is None:
        Person.objects.filter(pk=person.pk, second_factor_asked_at=None).update(second_factor_asked_at=now)
        person.second_factor_asked_at = now
    return person.second_factor_asked_at + timedelta(days=int(settings_store.get(GRACE)))


def gate(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: after the grace, who lacks the factor that a role needs gets to nothing but their own account."""

    def handle(request: HttpRequest) -> HttpResponse:
        if _is_held(request):
            return _sent_there(request)
        return get_response(request)

    return handle


def _is_held(request: HttpRequest) -> bool:
    person = request.user
    if not isinstance(person, Person) or not person.is_authenticated or request.path.startswith(OPEN):
        return False
    if "HTTP_AUTHORIZATION" in request.META or request.session.get(_SEEN) or not person.needs_second_factor:
        return False
    if has_one(person.pk):
        request.session[_SEEN] = True
        return False
    now = timezone.now()
    until = ends_at(person, now)
    return until is not None and now >= until


def _sent_there(request: HttpRequest) -> HttpResponse:
    where = f"{reverse('security')}?needed=1"
    if request.path.startswith("/api/"):
        from jiying.base.api.answering import of_exception

        return of_exception(request, Missing(Fault("", "second_factor")))
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": where})
    return redirect(where)


@short
def take_away(*, actor: Actor, person_id: int, now: datetime) -> int:
    """Remove somebody's second factors (a lost phone): they sign in with the password and set up another."""
    person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).first()
    require(actor, "people.edit")
    if person is None:
        raise NotFound("person", person_id)
    n: int = Authenticator.objects.filter(user_id=person_id).delete()[0]
    if n:
        person.second_factor_asked_at = None
        person.save(update_fields=["second_factor_asked_at"])
        access.note(person, "factors_reset", now, {"n": n}, actor)
    return n
