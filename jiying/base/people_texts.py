"""Words and faults of people, teams and roles; registered by base's own app."""

from typing import Any

from django.utils.translation import gettext_lazy as _

FAULTS: dict[str, Any] = {
    "bad_username": _("A user name has 1 to 60 letters, digits or . _ - @ and no spaces."),
    "bad_address": _("%(value)s is not an e-mail address."),
    "bad_code": _("A code has 1 to 40 small letters, digits, hyphens or underscores."),
    "unknown_zone": _("%(value)s is not a known time zone. Use a name such as Asia/Shanghai."),
    "own_account": _("You cannot switch off your own account. Ask another administrator."),
    "last_administrator": _("Somebody must be left who can edit people. Give another active person that right first."),
    "role_in_use": _("%(n)s people have this role. Give them another one first."),
    "role_shipped": _("A shipped role can be changed, but not removed."),
}

TERMS: dict[str, dict[str, Any]] = {
    "person_fact": {
        "person.created": _("Account created"),
        "person.changed": _("Changed"),
        "person.password_reset": _("Password reset"),
        "person.capacity": _("Places changed"),
        "token.issued": _("API token created"),
        "token.revoked": _("API token revoked"),
    },
    "person_field": {
        "username": _("User name"),
        "name": _("Name"),
        "email": _("E-mail"),
        "employee_no": _("Employee number"),
        "team": _("Team"),
        "department": _("Department"),
        "roles": _("Roles"),
        "mentor": _("Mentor"),
        "hire_date": _("Hire date"),
        "seniority": _("Seniority"),
        "skills": _("Skills"),
        "language": _("Language"),
        "time_zone": _("Time zone"),
        "is_active": _("Active"),
    },
    # Names of rows that come with the product or its sample, as long as nobody has renamed them (`texts.named`).
    "department": {
        "service": _("Customer service"),
        "logistics": _("Logistics department"),
        "rd": _("R&D department"),
        "finance": _("Finance department"),
        "second_line": _("Second line"),
    },
    "skill": {
        "product": _("products"),
        "orders": _("orders"),
        "logistics": _("logistics"),
        "technical": _("technical"),
        "complaints": _("complaints"),
        "sales": _("sales"),
        "refunds": _("refunds"),
        "invoices": _("invoices"),
        "accounts": _("accounts"),
        "risk": _("risk control"),
        "language:en": _("English language"),
        "language:ja": _("Japanese language"),
    },
    "break_reason": {
        "rest": _("Short rest"),
        "meal": _("Meal"),
        "meeting": _("Meeting"),
        "training": _("Training"),
    },
    "right_group": {
        "desk": _("Desk"),
        "clocks": _("Standards and calendars"),
        "alerts": _("Alerts"),
        "people": _("People"),
        "system": _("System"),
    },
}
