/** Says that one has a ticket open, and writes in it, and shows who else does: [data-watch]. A beat each 20 s while visible. */
import { post, token } from "./net";

const BEAT_MS = 20_000;
const WRITES_MS = 15_000;
let current: HTMLElement | null = null;
let url = "";
let typedAt = 0;
let wrote = false;

function writes(): boolean {
  return Date.now() - typedAt < WRITES_MS;
}

async function beat(): Promise<void> {
  const place = current;
  if (place === null || document.hidden) return;
  wrote = writes();
  try {
    const answer = await post(url, wrote ? { writes: "1" } : {});
    if (answer.ok && place.isConnected) place.innerHTML = await answer.text();
  } catch {
    place.replaceChildren(); // the line is down: nothing is known of the others
  }
}

function leave(): void {
  if (url === "") return;
  const data = new FormData();
  data.append("leave", "1");
  data.append("csrfmiddlewaretoken", token());
  navigator.sendBeacon(url, data);
  url = "";
}

function look(): void {
  const place = document.querySelector<HTMLElement>("[data-watch]");
  const next = place?.dataset["watch"] ?? "";
  const isNew = next !== url;
  if (isNew) leave();
  if (isNew) typedAt = 0;
  const isFresh = place !== current;
  current = place;
  url = next;
  if (place !== null && isFresh) void beat();
}

export function startWatching(): void {
  look();
  setInterval(() => void beat(), BEAT_MS);
  setInterval(() => wrote && !writes() && void beat(), WRITES_MS / 3);
  document.addEventListener("htmx:after:swap", look);
  document.addEventListener("jy:closed", look);
  document.addEventListener("visibilitychange", () => void beat());
  addEventListener("pagehide", leave);
  document.addEventListener("input", (event) => {
    if (!(event.target instanceof HTMLTextAreaElement) || event.target.closest("[data-composer]") === null) return;
    typedAt = Date.now();
    if (!wrote) void beat();
  });
}
