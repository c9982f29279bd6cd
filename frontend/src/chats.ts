/** An agent's chats: who types shows for a moment, one's own typing is told, what stands on screen is told to be read.
 *  The strip is #chats with [data-chat=number]; an opened chat is #ticket[data-chat-typing][data-chat-seen]. */
import htmx from "htmx.org";
import type { Doorbell } from "./live/stream";
import { post } from "./net";

const TYPED_MS = 3000; // told at most this often
const TYPES_MS = 6000; // believed for so long

/** Whose customer types: until when that is believed, and the customer's newest message on the page when it was heard. */
const typing = new Map<string, { timer: number; newest: number }>();
let typedAt = 0;
let told = "";

function opened(): HTMLElement | null {
  return document.querySelector<HTMLElement>("#ticket[data-chat-seen]");
}

/** The newest message of the opened chat's customer on the page; 0 without any. */
function newest(): number {
  const said = opened()?.querySelectorAll<HTMLElement>(".jy-said[data-said]:not(.is-agent, .is-note)") ?? [];
  return Math.max(0, ...[...said].map((one) => Number(one.dataset["said"])));
}

function show(subject: string, on: boolean): void {
  for (const node of document.querySelectorAll<HTMLElement>(`[data-types="${CSS.escape(subject)}"]`)) node.hidden = !on;
}

function types(subject: string): void {
  clearTimeout(typing.get(subject)?.timer);
  typing.set(subject, { timer: window.setTimeout(() => done(subject), TYPES_MS), newest: newest() });
  show(subject, true);
}

function done(subject: string): void {
  clearTimeout(typing.get(subject)?.timer);
  typing.delete(subject);
  show(subject, false);
}

/** What was put in anew shows nobody who types. In the opened chat only the customer's own message ends that, not one's own answer, whose bell may
 *  come late. */
function swapped(): void {
  for (const [subject, heard] of typing) {
    if (isOpened(subject) && newest() > heard.newest) done(subject);
    else show(subject, true);
  }
  void look();
}

function isOpened(subject: string): boolean {
  return document.querySelector(`#ticket [data-types="${CSS.escape(subject)}"]`) !== null;
}

function refreshStrip(): void {
  const strip = document.getElementById("chats");
  if (strip !== null) htmx.trigger(strip, "refresh", {}, false);
}

function heard(event: Event): void {
  const bell = (event as CustomEvent<Doorbell>).detail;
  if (bell.kind === "whisper.typing") types(bell.subject);
  else if (bell.kind === "ticket.message" && !isOpened(bell.subject)) done(bell.subject);
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
  document.addEventListener("htmx:after:swap", swapped);
  document.addEventListener("visibilitychange", () => void look());
}
