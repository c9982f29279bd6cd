/** Clock pills that tick in the browser: working time left, levels by instants the server gave. Asks the server nothing. */
import { serverNow } from "./servertime";
import { text } from "./texts";

type Level = "pending" | "far" | "fine" | "amber" | "red" | "breached" | "paused" | "met" | "cancelled";
interface Face { level: Level; icon: string; time: string; note: string }

const FAR_S = 8 * 3600;
const ICONS: Record<Level, string> = {
  pending: "hourglass", far: "clock", fine: "clock", amber: "alert-triangle", red: "urgent",
  breached: "clock-exclamation", paused: "player-pause", met: "check", cancelled: "x",
};
const parsed = new WeakMap<HTMLElement, { source: string; spans: [number, number][] }>();

/** Seconds as `12:34` under an hour, `3 h 05 min` in the page's language above. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (n: number): string => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}:${pad(whole % 60)}`;
  return text("hoursMinutes", { h: Math.floor(whole / 3600), m: pad(Math.floor(whole / 60) % 60) });
}

function openSpans(pill: HTMLElement): [number, number][] {
  const source = pill.dataset["open"] ?? "";
  const known = parsed.get(pill);
  if (known?.source === source) return known.spans;
  const spans = source.split(",").filter(Boolean).map((span) => span.split("-").map(Number) as [number, number]);
  parsed.set(pill, { source, spans });
  return spans;
}

/** Working seconds from `now` to `due`; without open intervals the calendar is round the clock. */
export function workingLeft(spans: [number, number][], now: number, due: number): number {
  if (spans.length === 0) return due - now;
  return spans.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, due) - Math.max(from, now)), 0);
}

function localTime(epoch: number): string {
  const far = Math.abs(epoch - serverNow() / 1000) > 20 * 3600;
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: document.body.dataset["zone"] || undefined };
  if (far) Object.assign(options, { month: "short", day: "numeric", weekday: "short" });
  return new Intl.DateTimeFormat(document.documentElement.lang, options).format(epoch * 1000);
}

function dueNote(spans: [number, number][], now: number, due: number): string {
  const note = text("dueAt", { time: localTime(due) });
  const next = spans.find(([, to]) => to > now);
  if (next === undefined || next[0] <= now) return note;
  return `${note} · ${text("closedUntil", { time: localTime(next[0]) })}`;
}

function runningFace(pill: HTMLElement, now: number, due: number): Face {
  const spans = openSpans(pill);
  const left = workingLeft(spans, now, due);
  const past = (name: string): boolean => pill.dataset[name] !== undefined && pill.dataset[name] !== "" && now >= Number(pill.dataset[name]);
  const level: Level = past("warn2") ? "red" : past("warn1") ? "amber" : left > FAR_S ? "far" : "fine";
  return { level, icon: ICONS[level], time: duration(left), note: dueNote(spans, now, due) };
}

/** What a pill shows at `now` (epoch seconds); its state may have moved on since the server wrote it. */
export function face(pill: HTMLElement, now: number): Face {
  const data = pill.dataset;
  const due = Number(data["due"]);
  const show = (level: Level, time: string, note: string): Face => ({ level, icon: ICONS[level], time, note });
  const state = data["state"] ?? "pending";
  if (state === "breached" || (state === "running" && now >= due)) {
    const late = (data["ended"] ? Number(data["ended"]) : now) - due;
    return show("breached", text("overdue", { time: duration(late) }), text("dueAt", { time: localTime(due) }));
  }
  if (state === "running") return runningFace(pill, now, due);
  if (state === "paused") {
    const left = data["left"] ? text("leftWhenPaused", { time: duration(Number(data["left"])) }) : "";
    return show("paused", [text("paused"), data["reason"]].filter(Boolean).join(" · "), left);
  }
  if (state === "met") return show("met", text("met"), due ? text("dueAt", { time: localTime(due) }) : "");
  if (state === "cancelled") return show("cancelled", text("cancelled"), "");
  return show("pending", text("pending"), "");
}

function paint(pill: HTMLElement, now: number): void {
  const next = face(pill, now);
  const time = pill.querySelector<HTMLElement>("[data-time]");
  if (time === null) return;
  if (time.textContent !== next.time) time.textContent = next.time;
  if (pill.dataset["level"] === next.level && pill.title === next.note) return;
  const moved = pill.dataset["level"] !== undefined && pill.dataset["level"] !== next.level;
  pill.dataset["level"] = next.level;
  pill.title = next.note;
  const use = pill.querySelector("use");
  use?.setAttribute("href", `${(use.getAttribute("href") ?? "").split("#")[0]}#${next.icon}`);
  if (moved) pill.dispatchEvent(new CustomEvent("clock:level", { bubbles: true, detail: next.level }));
}

export function paintAll(scope: ParentNode = document): void {
  const now = Math.floor(serverNow() / 1000);
  for (const pill of scope.querySelectorAll<HTMLElement>("time[data-clock]")) paint(pill, now);
}

/** One timer for all pills, on the server's full second; a hidden tab sleeps. */
export function startCountdowns(): void {
  const tick = (): void => {
    if (!document.hidden) paintAll();
    setTimeout(tick, 1000 - (serverNow() % 1000) + 5);
  };
  tick();
  document.addEventListener("visibilitychange", () => paintAll());
  document.addEventListener("htmx:after:swap", () => paintAll());
}
