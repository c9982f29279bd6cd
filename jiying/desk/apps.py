"""The desk floor as a Django app: what it registers with the floors below."""

from dataclasses import replace
from datetime import datetime

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "jiying.desk"
    label = "desk"

    def ready(self) -> None:
        from jiying.base import (
            audit_words,
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
        from jiying.clocks.pages import tabs as standard_tabs
        from jiying.desk import policies
        from jiying.desk.models import AutomationRun, AutomationTime, OutsideEvent, RouteCall, TicketTimer
        from jiying.desk.queries import bulk_actions as bulk_runs
        from jiying.desk.queries import capacity, copying
        from jiying.desk.queries import customers as customer_queries
        from jiying.desk.services import (
            automation_setup,
            automation_times,
            automations,
            bulk_actions,
            collaboration,
            customers,
            drafts,
            exporting,
            farewell,
            flow_setup,
            flows,
            form_setup,
            handing_out,
            holding,
            indexing,
            line_setup,
            lines,
            outside,
            privacy,
            repeats,
            routing,
            rules,
            seeding,
            table_import,
            telling,
            telling_flows,
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
                customers.ASKS_REASON, False, _("Ask for a reason before personal data is revealed")
            )
        )
        audit_words.TOLD["customer"] = customer_queries.named
        settings_store.register(
            settings_store.Definition(
                "feed.on", False, _("Let the made-up centre of the sample data live on by itself")
            )
        )
        settings_store.register(
            settings_store.Definition(
                repeats.HOURS, 24, _("Repeat contact: the same problem again within so many hours"), 1, 24 * 14
            ),
            settings_store.Definition(
                repeats.LIKENESS, 50, _("Repeat contact: so many per cent alike are texts of the same problem"), 20, 100
            ),
        )
        jobs.register(exporting.JOB, exporting.step)
        jobs.register(table_import.JOB, table_import.step)
        periodic.register("desk.exports", 3600, exporting.sweep)
        jobs.register("customer.erase", privacy.erase_some)
        jobs.register("customer.export", handing_out.make_file)
        periodic.register("desk.customer_exports", 3600, handing_out.forget_old)
        periodic.register("desk.feed", 10, _feed, wanted=lambda: bool(settings_store.get("feed.on")))
        periodic.register("desk.queue", routing.CALL_EVERY_S, _call_able)
        periodic.register("desk.drafts", 3600, drafts.drop_old)
        periodic.register("desk.automations", 3600, automations.drop_old)
        periodic.register("desk.outside", 3600, outside.drop_old)
        periodic.register("desk.watchers", 60, _forget_watchers)
        setups = line_setup.LINES, flow_setup.FLOWS, form_setup.FORMS
        timed = replace(automation_setup.AUTOMATIONS, approved=automation_times.plan)
        for kind in (rules.PRIORITY, *setups, timed):
            documents.register(kind)
        standard_tabs.MORE.append(("priority", _("Priority rules"), "desk:priority"))
        context.NAVIGATION += [
            ("work", _("My work"), "layout-dashboard", "desk:work", "desk.handle"),
            ("asked", _("Requests to us"), "heart-handshake", "desk:asked", "desk.answer"),
            ("tickets", _("Tickets"), "ticket", "desk:tickets", policies.SEEING),
            ("lines", _("Support lines"), "stairs-up", "desk:lines", "desk.handle"),
            ("setup", _("Ticket setup"), "sitemap", "desk:categories", "desk.edit_rules"),
            ("outside", _("Outside events"), "broadcast", "desk:outside", ("desk.view_all", "desk.edit_rules")),
            ("repeats", _("Repeat contacts"), "repeat", "desk:repeats", repeats.RIGHT),
            ("supervise", _("Supervision"), "eye", "desk:supervise", "alerts.view_team"),
        ]
        tails.register(indexing.READER)
        copying.register()
        tails.register(repeats.READER)
        jobs.register(bulk_runs.KIND, bulk_actions.step)
        personnel.EXTENSIONS.append(replace(capacity.EXTENSION, farewell=farewell.order))
        jobs.register(farewell.KIND, farewell.hand_on)
        tails.register(automations.READER)
        sweeps = (
            due.Sweep("tickets", TicketTimer, timers.serve_timers, batch=1),
            due.Sweep("automations", AutomationRun, automations.serve, batch=1),
            due.Sweep("automation_times", AutomationTime, automation_times.serve, batch=1),
            due.Sweep("outside", OutsideEvent, outside.serve, batch=1),
            due.Sweep("routing", RouteCall, routing.serve_calls, batch=1),
        )
        for sweep in sweeps:
            due.register(sweep)
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
            )
        )
        subjects.register(
            subjects.Kind(
                name=flows.KIND,
                lock=flows.lock_many,
                visible=telling_flows.visible,
                recipients=telling_flows.recipients,
                describe=telling_flows.describe,
                still_true=telling_flows.still_true,
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
