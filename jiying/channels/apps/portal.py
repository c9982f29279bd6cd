"""The customer's own page: its button on tickets, and its line in their story."""

from django.utils.translation import gettext_lazy as _

from jiying.desk.policies import may_handle
from jiying.desk.queries import actions, story


def wire() -> None:
    actions.register(
        actions.Action(
            "customer_link",
            70,
            _("The customer's link"),
            "link",
            place="menu",
            when=lambda offer: offer.ticket.customer_id is not None and may_handle(offer.actor, offer.ticket),
            url_name="channels:link",
        )
    )
    story.register("ticket.portal_renewed", "link", _("New link for the customer; earlier ones do not work any more"))
