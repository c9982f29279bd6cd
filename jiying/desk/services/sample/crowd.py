"""The customers of the made-up centre. Their phone numbers begin with 100 and their e-mail is example.com: nobody's."""

from datetime import datetime, timedelta
from random import Random

from jiying.desk.models import Customer
from jiying.desk.services import contacts
from jiying.desk.services.sample.staff import Staff
from jiying.desk.services.sample.words import FIRMS, GIVEN, REGIONS, SURNAMES

N, N_VIP, N_OWN, N_ENGLISH, N_JAPANESE = 400, 28, 8, 9, 3


def gather(rng: Random, staff: Staff, now: datetime) -> list[Customer]:
    """The first `N_OWN` are VIPs of the printed agent; the last ones write in other languages."""
    own = staff.sign_ins["agent"]
    others = [a.person for a in staff.agents if a.person != own and a.person.team and a.person.team.code != "presale"]
    rows = []
    for n in range(N):
        is_vip = n < N_VIP
        dedicated = own if n < N_OWN else rng.choice(others) if is_vip and n % 3 else None
        rows.append(
            Customer(
                ref=f"C{10001 + n}",
                name=_name(rng, n),
                phone=f"1000000{n:04d}",
                phone_tail=f"{n:04d}",
                email=f"customer{n:04d}@example.com" if rng.random() < 0.6 else "",
                region=REGIONS[int((n * 0.618 % 1) ** 2 * len(REGIONS))],  # uneven, as markets are
                organisation=rng.choice(FIRMS) if rng.random() < 0.2 else "",
                tier="vip" if is_vip else "standard",
                dedicated=dedicated,
                language=_language(n),
                created_at=now - timedelta(days=100 + rng.randrange(600)),
            )
        )
    made = Customer.objects.bulk_create(rows)
    contacts.claim_all([*made, _known_twice(made[0])])
    return made


def _known_twice(known: Customer) -> Customer:
    """The same person once more, who only wrote by mail: the page of the one offers to merge the other."""
    email = f"twice.{known.phone_tail}@example.com"
    return Customer.objects.create(name=known.name, email=email, created_at=known.created_at + timedelta(days=30))


def _name(rng: Random, n: int) -> str:
    if _language(n):
        return f"Customer {chr(65 + n % 26)}."
    surname = rng.choice(SURNAMES)
    drawn = rng.random()
    return surname + ("女士" if drawn < 0.4 else "先生" if drawn < 0.8 else rng.choice(GIVEN))


def _language(n: int) -> str:
    if n >= N - N_JAPANESE:
        return "ja"
    return "en" if n >= N - N_JAPANESE - N_ENGLISH else ""
