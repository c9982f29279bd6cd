/** The live line of a page: listens by Tabs, rings fragments, shows alerts and whether the line is up. */
import { startAlerts } from "./alerts";
import { pageTopics, refreshAll, ring, startRefresh } from "./refresh";
import { startRows } from "./rows";
import type { Doorbell } from "./stream";
import { Tabs } from "./tabs";

const GAP_S = 10; // a shorter gap is caught up by Last-Event-ID
const SPREAD_MS = 3000;
const PATIENCE_MS = 5000; // a reconnect within this time is nobody's business

let downTimer: number | undefined;

function showLine(up: boolean): void {
  clearTimeout(downTimer);
  if (up) document.documentElement.removeAttribute("data-line");
  else downTimer = window.setTimeout(() => document.documentElement.setAttribute("data-line", "down"), PATIENCE_MS);
}

export function startLive(): void {
  const { live, me } = document.body.dataset;
  startRows();
  startRefresh();
  if (!live || !me) return;
  const tabs = new Tabs(live, me, pageTopics, {
    onDoorbell(bell: Doorbell) {
      document.dispatchEvent(new CustomEvent("doorbell", { detail: bell }));
      ring(bell);
    },
    onLine(up, gapS) {
      showLine(up);
      if (up && gapS > GAP_S) refreshAll(SPREAD_MS);
    },
  });
  tabs.start();
  startAlerts(tabs);
  document.addEventListener("htmx:after:swap", () => tabs.say());
}
