"""By which phone numbers and e-mail addresses customers are found: each leads to one of them, held by the database."""

from collections.abc import Iterable, Mapping

from jiying.base.databases import prepared
from jiying.base.inserting import first
from jiying.desk.models import ContactKey, Customer

_OWNED = "id = (SELECT customer_id FROM desk_contactkey WHERE kind = %s AND value = %s)"
_CLAIM = """
INSERT INTO desk_contactkey (kind, value, customer_id) VALUES {marks}
ON CONFLICT (kind, value) DO NOTHING RETURNING kind"""


def keys(phone: str, email: str) -> dict[str, str]:
    """{kind: value} of what is given, as it is compared; in the one order in which keys are claimed."""
    found = {"email": email.strip().lower(), "phone": "".join(c for c in phone if c.isdecimal())}
    return {kind: value for kind, value in found.items() if value}


def owner(wanted: Mapping[str, str]) -> Customer | None:
    """Whom these keys lead to: the phone decides before the e-mail, since people share addresses more often."""
    for kind in ("phone", "email"):
        if kind in wanted:
            found = first(Customer, _OWNED, [kind, wanted[kind]])
            if found is not None:
                return found
    return None


def claim(customer: Customer, wanted: Mapping[str, str]) -> bool:
    """Let these keys lead to this customer; False if one of them leads to another one.

    Waits for whoever claims the same key in this moment: after that it is known whose it is.
    """
    if not wanted:
        return True
    values = [part for kind, value in wanted.items() for part in (kind, value, customer.pk)]
    with prepared() as cursor:
        cursor.execute(_CLAIM.format(marks=", ".join(["(%s, %s, %s)"] * len(wanted))), values)
        return len(cursor.fetchall()) == len(wanted)


def renew(customer: Customer) -> None:
    """After a change of a customer's data: what they had is free again, what they have is theirs unless another's."""
    ContactKey.objects.filter(customer=customer).delete()
    claim(customer, keys(customer.phone, customer.email))


def claim_all(customers: Iterable[Customer]) -> None:
    """The keys of customers that were written in bulk; who came first has what several share."""
    rows = [
        ContactKey(kind=kind, value=value, customer=one)
        for one in customers
        for kind, value in keys(one.phone, one.email).items()
    ]
    ContactKey.objects.bulk_create(rows, ignore_conflicts=True)
