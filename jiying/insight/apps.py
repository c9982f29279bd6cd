"""The insight floor as a Django app: its place in the menu and its words."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InsightConfig(AppConfig):
    name = "jiying.insight"
    label = "insight"

    def ready(self) -> None:
        from jiying.base import context, jobs, periodic, settings_store, subjects, texts
        from jiying.clocks.pages import approval
        from jiying.desk.policies import WATCHING
        from jiying.insight.pages import replays, why
        from jiying.insight.queries import longterm
        from jiying.insight.queries.replays import KIND
        from jiying.insight.services import making, replaying, sharing
        from jiying.insight.texts import DASHBOARD_FAULTS, FAULTS, TARGETS, TERMS
        from jiying.process.pages import map as map_page
        from jiying.warehouse import sketching

        context.NAVIGATION.append(("wall", _("Wall board"), "device-desktop-analytics", "insight:wall", WATCHING))
        context.NAVIGATION.append(("dashboards", _("Dashboards"), "layout-dashboard", "dashboards:show", WATCHING))
        context.NAVIGATION.append(("reports", _("Reports"), "chart-bar", "reports:show", WATCHING))
        texts.register_terms(TERMS)
        settings_store.register(
            *(settings_store.Definition(key, usual, label, 0, 100) for key, (usual, label) in TARGETS.items())
        )
        texts.register_faults(FAULTS)
        texts.register_faults(DASHBOARD_FAULTS)
        context.NAVIGATION.append(("replays", _("Replay"), "player-play", "replays:index", WATCHING))
        sketching.register("tickets", longterm.plan)
        jobs.register_work(KIND, replaying.work)
        approval.LINKS.append(replays.link)
        map_page.LINKS.append(why.of_map)
        subjects.register(making.SUBJECT)
        subjects.register(sharing.SUBJECT)
        periodic.register("reports", making.EVERY_S, making.make_due, making.is_due)
