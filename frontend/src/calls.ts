/** The form that wraps a call up opens by itself when one's call has ended: never over another dialog, nor under fingers that type. */
import htmx from "htmx.org";
import type { Doorbell } from "./live/stream";

const CALM_MS = 1500; // since the last key
const PATIENCE_MS = 120_000; // then the alert alone reminds
let typedAt = 0;

function isFree(): boolean {
  return document.querySelector("dialog[open]") === null && !document.hidden && Date.now() - typedAt > CALM_MS;
}

function openWhenFree(url: string, until: number): void {
  if (Date.now() > until) return;
  if (!isFree()) return void setTimeout(() => openWhenFree(url, until), 500);
  void htmx.ajax("GET", url, { target: "#d-verb-body", swap: "innerHTML" });
}

export function startCalls(): void {
  const place = document.querySelector<HTMLElement>("[data-wrap-up]");
  const url = place?.dataset["wrapUp"];
  if (url === undefined || document.getElementById("d-verb-body") === null) return;
  document.addEventListener("keydown", () => (typedAt = Date.now()), true);
  document.addEventListener("doorbell", (event) => {
    const bell = (event as CustomEvent<Doorbell>).detail;
    if (bell.kind !== "ticket.call_over" || !bell.topics.includes("me")) return;
    openWhenFree(url, Date.now() + PATIENCE_MS);
  });
}
