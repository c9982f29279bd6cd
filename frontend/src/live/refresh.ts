/** Re-fetches fragments when their topic rings: `data-refresh="topic …"` beside hx-get and hx-trigger="refresh". */
import htmx from "htmx.org";
import type { Doorbell } from "./stream";

const ME_MS = 60;
const SUBJECT_MS = 300;
const LIST_MS = 1000;

const waiting = new Map<Element, { at: number; timer: number }>();
const stale = new Set<Element>();

/** Topics that the page wants to hear: those of the body and of every element, plus what data-refresh names. */
export function pageTopics(): string[] {
  const nodes = document.querySelectorAll<HTMLElement>("[data-topics]");
  return [...new Set([...nodes].flatMap((node) => words(node.dataset["topics"])))];
}

function words(value: string | undefined): string[] {
  return (value ?? "").split(/\s+/).filter(Boolean);
}

/** Lists wait a second and a bit: one event must not make 200 pages fetch in the same instant. */
function delayFor(node: Element, wanted: string[], bell: Doorbell): number {
  if (node.hasAttribute("data-refresh-now")) return 0; // one's own conversation: somebody waits for it
  if (wanted.includes("me") && bell.topics.includes("me")) return ME_MS;
  if (wanted.some((topic) => topic.endsWith(bell.subject))) return Math.random() * SUBJECT_MS;
  return LIST_MS * (1 + Math.random());
}

/** A whisper ("whisper.watching") is heard only by what names it: data-refresh="watching@ticket:12". */
function rungBy(bell: Doorbell): Set<string> {
  if (bell.kind.startsWith("whisper.")) return new Set([`${bell.kind.slice(8)}@${bell.subject}`]);
  return new Set([...bell.topics, bell.subject]);
}

export function ring(bell: Doorbell): void {
  const rung = rungBy(bell);
  for (const node of document.querySelectorAll<HTMLElement>("[data-refresh]")) {
    const wanted = words(node.dataset["refresh"]);
    if (wanted.some((topic) => rung.has(topic))) schedule(node, delayFor(node, wanted, bell));
  }
}

/** Everything may be old (the line was down): fetch all of it, spread over `spreadMs`. */
export function refreshAll(spreadMs: number): void {
  for (const node of document.querySelectorAll("[data-refresh]")) schedule(node, Math.random() * spreadMs);
}

function schedule(node: Element, delayMs: number): void {
  const at = Date.now() + delayMs;
  const known = waiting.get(node);
  if (known !== undefined && known.at <= at) return; // coalesced with one that comes sooner
  if (known !== undefined) clearTimeout(known.timer);
  waiting.set(node, { at, timer: window.setTimeout(() => fire(node), delayMs) });
}

function fire(node: Element): void {
  waiting.delete(node);
  if (!node.isConnected) return succeed(node);
  if (document.hidden && !node.hasAttribute("data-refresh-hidden")) return void stale.add(node);
  if ("dragging" in document.documentElement.dataset) return schedule(node, SUBJECT_MS);
  if (typingIn(node)) {
    node.addEventListener("focusout", () => schedule(node, SUBJECT_MS), { once: true });
    return;
  }
  htmx.trigger(node, "refresh", {}, false);
}

/** Brought anew since it was rung, by an answer that may be older than the bell: what stands in its place is fetched. */
function succeed(old: Element): void {
  const wanted = CSS.escape((old as HTMLElement).dataset["refresh"] ?? "");
  for (const node of document.querySelectorAll(`[data-refresh="${wanted}"]`)) if (!waiting.has(node)) fire(node);
}

/** Somebody writes here: a swap would move the caret or lose a choice. */
function typingIn(node: Element): boolean {
  const active = document.activeElement;
  return active !== null && node.contains(active) && active.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

export function startRefresh(): void {
  document.addEventListener("jy:stay", () => refreshAll(0)); // something was done here: its doorbell may be a second away
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const node of stale) schedule(node, ME_MS);
    stale.clear();
  });
}
