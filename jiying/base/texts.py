"""Codes to sentences, in the reader's language: faults and terms. Features add theirs in `AppConfig.ready`.

Nothing else may turn a code into prose, so that the journal, the API and the pages always say the same.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

Lazy = Any  # a gettext_lazy string

FAULTS: dict[str, Lazy] = {
    "bad_header": _("Line %(n)s is not of the form Name: value."),
    "required": _("Fill in %(field)s."),
    "denied": _("You lack the right for this (%(right)s). Ask your administrator."),
    "not_found": _("There is no %(kind)s %(key)s, or you may not see it."),
    "too_long": _("At most %(limit)s characters; these are %(length)s."),
    "unknown_value": _("%(value)s is not known here. Choose one of: %(known)s."),
    "not_a_number": _("Enter a whole number, not %(value)s."),
    "out_of_range": _("Enter a number from %(low)s to %(high)s."),
    "bad_time": _("%(value)s is not a time. Use ISO 8601 with an offset, for example 2026-05-01T09:00:00+08:00."),
    "before_since": _("The end lies before the beginning (%(since)s)."),
    "in_future": _("%(value)s lies in the future."),
    "past_needs_right": _("A time more than a minute ago needs the right to import."),
    "bad_json": _("The body is not valid JSON (%(why)s)."),
    "bad_encoding": _("The body is not valid UTF-8. Send it as UTF-8."),
    "too_large": _("The body is larger than %(limit)s bytes."),
    "stale": _("Somebody changed this meanwhile. Load it again, then repeat your change."),
    "idempotency_mismatch": _("This Idempotency-Key was used for another request. Use a new key."),
    "bad_cursor": _("This page marker is not valid any more. Start from the first page."),
    "signed_out": _("Sign in again."),
    "bad_token": _("The API token is not valid. Make a new one with: jiying token --user NAME."),
    "same_person": _("A second person must approve."),
    "wrong_document_state": _("This version is %(state)s; that is not possible any more."),
    "in_force_already": _("This version holds already. Draft a new one instead."),
    "bad_key": _("%(value)s cannot be a key. Use letters, digits, - and _, at most 40."),
    "duplicate": _("%(value)s exists already."),
    "file_type": _("Files of type %(type)s are not accepted."),
    "file_size": _("The file is larger than %(limit)s MB."),
    "schema": _("%(message)s"),
    "too_low": _("Enter at least %(limit)s, not %(value)s."),
    "too_high": _("Enter at most %(limit)s, not %(value)s."),
    "too_many": _("At most %(limit)s are possible here; these are %(length)s."),
    "wrong_type": _("Send %(expected)s here."),
    "wrong_form": _("%(value)s does not have the right form (%(form)s)."),
    "unknown_field": _("There is no field %(field)s here. Check how it is spelled."),
    "bad_character": _("Remove the NUL or half of a surrogate pair."),
    "bad_request": _("The request could not be read. Check how it was made."),
    "value_refused": _("A value lies beyond what can be stored."),
    "wrong_media_type": _("Send the body as application/json, not as %(type)s."),
    "method_not_allowed": _("%(method)s is not possible at this address. Possible: %(allowed)s."),
    "no_address": _("There is nothing at the address %(path)s."),
    "unexpected": _("Something went wrong on our side. Give your administrator this number: %(fault_id)s."),
    "database_away": _(
        "The database cannot be reached just now. Try again in a few seconds, a create with the same Idempotency-Key."
    ),
    "csrf": _("The request lacks its protection against forgery. Load the page again."),
    "scopes": _("A token cannot hand out rights that it lacks: %(rights)s."),
    "secret_again": _("The place that it is sent to has changed: enter it again."),
    "no_test": _("Nothing can be tried out here."),
    "too_many_streams": _("Too many event streams are open. Close other windows or try again in a moment."),
}

TERMS: dict[str, dict[str, Lazy]] = {
    "presence": {
        "online": _("Online"),
        "busy": _("Busy"),
        "away": _("Away"),
        "break": _("On a break"),
        "offline": _("Offline"),
    },
    "connection_group": {
        "mail": _("E-mail"),
        "chat": _("Web form and chat"),
        "phone": _("Phone"),
        "social": _("Social and instant messages"),
        "alerts": _("Ways out for alerts"),
        "hooks": _("Web hooks"),
        "systems": _("Other systems"),
        "": _("No longer spoken"),
    },
    "connection_state": {
        "off": _("Switched off"),
        "never": _("Not tried yet"),
        "works": _("Works"),
        "fails": _("Fails"),
    },
    "document_state": {
        "draft": _("Draft"),
        "proposed": _("Waiting for approval"),
        "approved": _("Approved"),
        "rejected": _("Rejected"),
    },
    "capacity": {
        "supervisor": _("Supervisor"),
        "operations": _("Operations"),
        "asking": _("Asking department"),
        "responding": _("Responding department"),
    },
    # Kinds of things in the fault `not_found`.
    "kind": {
        "connection": _("connection"),
        "connection_kind": _("kind of connection"),
        "automation": _("automation rule"),
        "alert": _("alert"),
        "calendar": _("calendar"),
        "canned_text": _("canned text"),
        "capacity": _("channel with places"),
        "category": _("category"),
        "channel": _("channel"),
        "clock": _("clock"),
        "code": _("code"),
        "collaboration": _("collaboration request"),
        "customer": _("customer"),
        "day": _("day"),
        "delivery": _("message"),
        "department": _("department"),
        "document": _("version"),
        "file": _("file"),
        "flow": _("task flow"),
        "form": _("intake form"),
        "hand_up": _("hand-up"),
        "link": _("link between tickets"),
        "job": _("job"),
        "person": _("person"),
        "right": _("right"),
        "saved_view": _("saved view"),
        "role": _("role"),
        "session": _("session"),
        "setting": _("setting"),
        "sign_in": _("sign-in"),
        "standard": _("standard"),
        "task": _("task"),
        "team": _("team"),
        "ticket": _("ticket"),
        "token": _("API token"),
        "topic": _("topic"),
    },
    "actor": {
        "person": _("Person"),
        "token": _("API"),
        "system": _("System"),
        "automation": _("Automation"),
        "customer": _("Customer"),
        "import": _("Import"),
    },
}

# Parameters of faults that are codes, and the terms that they are told by.
_TOLD_BY = {"kind": "kind", "right": "right", "state": "document_state", "status": "status", "verb": "verb"}


def register_faults(more: Mapping[str, Lazy]) -> None:
    FAULTS.update(more)


def register_terms(more: Mapping[str, Mapping[str, Lazy]]) -> None:
    for group, words in more.items():
        TERMS.setdefault(group, {}).update(words)
    _spellings.cache_clear()


def fault(code: str, params: Mapping[str, Any]) -> str:
    """The sentence of a fault; KeyError for an unknown code, which a test catches for every raise in the house."""
    told = {name: term(_TOLD_BY[name], value) if name in _TOLD_BY else value for name, value in params.items()}
    return str(FAULTS[code]) % told


def term(group: str, code: str) -> str:
    """The word for a code; the code itself where it is data of a customer's (an own category, an imported state)."""
    return str(TERMS.get(group, {}).get(code, code))


def named(group: str, code: str, stored: str) -> str:
    """The name of a row that comes with the product: by its code, in the reader's language, until somebody renames it.

    Unchanged is what is spelled as the catalogue spells it in any language: forms may be saved in another one.
    """
    if code in TERMS.get(group, {}) and (not stored or _spellings(group).get(stored) == code):
        return term(group, code)
    return stored or code


def code_of(group: str, text: str) -> str:
    """The code that somebody meant who typed its word in any language; else the text, which is a code of their own."""
    return _spellings(group).get(text, text)


@lru_cache(maxsize=32)
def _spellings(group: str) -> Mapping[str, str]:
    """{word: code} in every language of the site."""
    found: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found |= {str(word): code for code, word in TERMS.get(group, {}).items()}
    return found


def choices(group: str) -> list[tuple[str, str]]:
    return [(code, str(word)) for code, word in TERMS[group].items()]
