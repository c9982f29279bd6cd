"""The desk floor as a Django app: what it registers with the floors below."""

from datetime import datetime

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "jiying.desk"
    label = "desk"

    def ready(self) -> None:
        from jiying.base import (
            context,
            documents,
            due,
            jobs,
            live,
            periodic,
            personnel,
            seeds,
            settings_store,
            subjects,
            tails,
            texts,
        )
        from jiying.desk import policies
        from jiying.desk.models import RouteCall, TicketTimer
        from jiying.desk.queries import capacity
        from jiying.desk.services import (
            collaboration,
            drafts,
            exporting,
            holding,
            indexing,
            line_setup,
            lines,
            routing,
            rules,
            seeding,
            table_import,
            telling,
            telling_lines,
            timers,
        )
        from jiying.desk.services.history import sentences
        from jiying.desk.texts import FAULTS, TERMS

        texts.register_terms(TERMS)
        texts.register_faults(FAULTS)
        texts.register_faults(sentences.FAULTS)
        seeds.SEEDS.append(seeding.seed)
        settings_store.register(
            settings_store.Definition(
                "desk.reroute_unaccepted", False, _("Route a ticket again when it is not accepted in time")
            )
        )
        settings_store.register(
            settings_store.Definition(
                "feed.on", False, _("Let the made-up centre of the sample data live on by itself")
            )
        )
        jobs.register(exporting.JOB, exporting.step)
        jobs.register(table_import.JOB, table_import.step)
        periodic.register("desk.exports", 3600, exporting.sweep)
        periodic.register("desk.feed", 10, _feed, wanted=lambda: bool(settings_store.get("feed.on")))
        periodic.register("desk.queue", routing.CALL_EVERY_S, _call_able)
        periodic.register("desk.drafts", 3600, drafts.drop_old)
        periodic.register("desk.watchers", 60, _forget_watchers)
        documents.register(rules.PRIORITY)
        documents.register(line_setup.LINES)
        context.NAVIGATION += [
            ("work", _("My work"), "layout-dashboard", "desk:work", "desk.handle"),
            ("tickets", _("Tickets"), "ticket", "desk:tickets", policies.SEEING),
            ("lines", _("Support lines"), "stairs-up", "desk:lines", "desk.handle"),
            ("setup", _("Ticket setup"), "sitemap", "desk:categories", "desk.edit_rules"),
            ("supervise", _("Supervision"), "eye", "desk:supervise", "alerts.view_team"),
        ]
        personnel.EXTENSIONS.append(capacity.EXTENSION)
        tails.register(indexing.READER)
        due.register(due.Sweep("tickets", TicketTimer, timers.serve_timers, batch=1))
        due.register(due.Sweep("routing", RouteCall, routing.serve_calls, batch=1))
        live.TOPICS[holding.QUEUE] = policies.may_take
        subjects.register(
            subjects.Kind(
                name=holding.KIND,
                lock=holding.lock_many,
                visible=telling.visible,
                recipients=telling.recipients,
                describe=telling.describe,
                still_true=telling.still_true,
                on_clock=telling.on_clock,
                clocks_changed=holding.copy_due,
            )
        )
        subjects.register(
            subjects.Kind(
                name=collaboration.KIND,
                lock=collaboration.lock_many,
                visible=telling.collaboration_visible,
                recipients=telling.collaboration_recipients,
                describe=telling.describe_collaborations,
                still_true=telling.collaborations_still_true,
                on_clock=lambda held, points, now: None,
                clocks_changed=lambda held: None,
            )
        )
        subjects.register(
            subjects.Kind(
                name=lines.KIND,
                lock=lines.lock_many,
                visible=telling_lines.visible,
                recipients=telling_lines.recipients,
                describe=telling_lines.describe,
                still_true=telling_lines.still_true,
                on_clock=lambda held, points, now: None,
                clocks_changed=lambda held: None,
            )
        )


def _call_able(at: datetime) -> None:
    """Each agent with a place free looks through the queue. Now, not at the turn's instant: a call may be newer."""
    from django.utils import timezone

    from jiying.desk.services import routing

    routing.call_able(timezone.now())


def _forget_watchers(at: datetime) -> None:
    """Who was at a ticket, and what was whispered of it, is worth nothing after a minute."""
    from jiying.base import push
    from jiying.desk.services import watching

    watching.drop_old(at)
    push.drop_old_whispers(at)


def _feed(at: datetime) -> None:
    """A turn of the sample's live feed; its texts are loaded only where it runs."""
    from jiying.desk.services.sample import feed

    feed.turn(at)
