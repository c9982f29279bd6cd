/** An agent's chats: who types shows for a moment, one's own typing is told, what stands on screen is told to be read.
 *  The strip is #chats with [data-chat=number]; an opened chat is #ticket[data-chat-typing][data-chat-seen]. */
import htmx from "htmx.org";
import type { Doorbell } from "./live/stream";
import { post } from "./net";

const TYPED_MS = 3000; // told at most this often
const TYPES_MS = 6000; // believed for so long

const timers = new Map<string, number>();
let typedAt = 0;
let told = "";

function opened(): HTMLElement | null {
  return document.querySelector<HTMLElement>("#ticket[data-chat-seen]");
}

function types(subject: string, on: boolean): void {
  clearTimeout(timers.get(subject));
  for (const node of document.querySelectorAll<HTMLElement>(`[data-types="${CSS.escape(subject)}"]`)) node.hidden = !on;
  if (on) timers.set(subject, window.setTimeout(() => types(subject, false), TYPES_MS));
}

function refreshStrip(): void {
  const strip = document.getElementById("chats");
  if (strip !== null) htmx.trigger(strip, "refresh", {}, false);
}

function heard(event: Event): void {
  const bell = (event as CustomEvent<Doorbell>).detail;
  if (bell.kind === "whisper.typing") types(bell.subject, true);
  else if (bell.kind === "ticket.message") types(bell.subject, false);
  if (bell.kind === "whisper.left" || bell.kind === "whisper.back") refreshStrip();
}

function typed(event: Event): void {
  const place = opened();
  if (place === null || (event.target as Element).id !== "say-body" || Date.now() - typedAt < TYPED_MS) return;
  typedAt = Date.now();
  void post(place.dataset["chatTyping"] ?? "", {}).catch(() => undefined);
}

/** What is on the screen of somebody who looks at it counts as read; the strip's number goes with it. */
async function look(): Promise<void> {
  const place = opened();
  const number = place?.dataset["number"] ?? "";
  for (const tab of document.querySelectorAll<HTMLElement>("[data-chat]")) tab.toggleAttribute("aria-current", tab.dataset["chat"] === number);
  if (place === null || document.hidden) return;
  const newest = Math.max(0, ...[...place.querySelectorAll<HTMLElement>("[data-said]")].map((said) => Number(said.dataset["said"])));
  const mark = `${number} ${newest}`;
  if (newest === 0 || mark === told) return;
  told = mark;
  const answer = await post(place.dataset["chatSeen"] ?? "", { upto: String(newest) }).catch(() => null);
  if (answer?.ok) refreshStrip();
}

export function startChats(): void {
  void look();
  document.addEventListener("doorbell", heard);
  document.addEventListener("input", typed);
  document.addEventListener("htmx:after:swap", () => void look());
  document.addEventListener("visibilitychange", () => void look());
}
