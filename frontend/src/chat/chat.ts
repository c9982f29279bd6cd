/** A visitor's chat: the button, the start, the conversation, its end. State is the server's; this page asks for it anew at
 *  each doorbell, each time the line is up again, and every so often in any case, so that nothing said is ever missed. */
import type { Stream } from "../live/stream";
import { hostPage, isFramed, remember, remembered, tell } from "./host";
import { call, listen, Refused, surely, type State } from "./line";
import { ask, chosen } from "./rate";
import { clear, newest, pending, settled, show, toEnd } from "./talk";
import { config, element, text } from "./texts";

const LOOK_MS = { waiting: 4000, otherwise: 25_000 };
const TYPED_MS = 3000; // said at most this often
const TYPES_MS = 6000; // believed for so long
const ASKED_MS = 60_000; // after the end, a question may still come
const own = document.title;

let token = "";
let stream: Stream | undefined;
let state: State | undefined;
let asking = false;
let askAgain = false;
let lookTimer: number | undefined;
let typesTimer: number | undefined;
let typedAt = 0;
let unread = 0;
let endedAt = 0;

function isOpen(): boolean {
  return !element("panel").hidden;
}

function key(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function view(name: "start" | "away" | "room"): void {
  for (const one of ["start", "away", "room"]) element(one).hidden = one !== name;
}

function say(words: string, isFault = false): void {
  element("notice").textContent = words;
  element("notice").hidden = words === "";
  element("notice").classList.toggle("is-fault", isFault);
}

// --- what is shown ---------------------------------------------------------------------------------------------------

function headline(now: State): string {
  if (now.state === "waiting") return now.position > 0 ? text("position", { n: now.position }) : text("waiting");
  if (now.state === "open") return text("talking", { name: now.agent || text("us") });
  return text(now.state === "solved" ? "solved" : "ended");
}

function draw(now: State): void {
  state = now;
  element("headline").textContent = headline(now);
  element("write").hidden = now.state === "solved" || now.state === "ended";
  element("judge").hidden = now.state !== "solved";
  element("over").hidden = now.state !== "ended";
  ask(now.question);
  if (now.state === "ended") endedAt ||= Date.now();
  element("leave").hidden = now.state === "ended" || now.state === "solved";
  const fresh = show(now.lines);
  if (fresh.length > 0) {
    types(false);
    if (!isOpen() || document.hidden) count(unread + fresh.length);
  }
  clearTimeout(lookTimer);
  if (now.state === "ended" && now.question === null && Date.now() - endedAt < ASKED_MS) lookTimer = window.setTimeout(() => void look(), LOOK_MS.waiting);
  if (now.state !== "ended") lookTimer = window.setTimeout(() => void look(), now.state === "waiting" ? LOOK_MS.waiting : LOOK_MS.otherwise);
}

function count(n: number): void {
  unread = n;
  element("unread").textContent = n > 9 ? "9+" : String(n);
  element("unread").hidden = n === 0;
  document.title = n > 0 ? `(${n}) ${own}` : own;
}

function types(on: boolean): void {
  clearTimeout(typesTimer);
  element("types").hidden = !on;
  if (on) typesTimer = window.setTimeout(() => types(false), TYPES_MS);
  if (on) toEnd();
}

// --- what is asked ---------------------------------------------------------------------------------------------------

/** One question at a time; what rings meanwhile is asked for right after. */
async function look(): Promise<void> {
  if (token === "") return;
  if (asking) return void (askAgain = true);
  asking = true;
  try {
    do {
      askAgain = false;
      const now = (await (await call(token, `state?after=${newest()}`)).json()) as State;
      askAgain ||= now.has_more;
      draw(now);
    } while (askAgain);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) forget();
    else lookTimer = window.setTimeout(() => void look(), LOOK_MS.waiting);
  } finally {
    asking = false;
  }
}

function enter(fresh: string): void {
  token = fresh;
  remember(fresh);
  view("room");
  say("");
  stream?.stop();
  stream = listen(token, (kind) => (kind === "typing" ? types(true) : void look()), line, () => void look());
}

function line(up: boolean): void {
  element("line").hidden = up;
  if (up) void look();
}

function forget(): void {
  stream?.stop();
  clearTimeout(lookTimer);
  token = "";
  state = undefined;
  endedAt = 0;
  ask(null);
  remember("");
  clear();
  view(config.open ? "start" : "away");
}

// --- what is done ----------------------------------------------------------------------------------------------------

async function begin(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const fields = new FormData(form);
  const words = String(fields.get("text") ?? "");
  const button = form.querySelector("button");
  form.dataset["key"] ??= key();
  if (button) button.disabled = true;
  try {
    const page = await hostPage();
    const body = { id: form.dataset["key"], text: words, name: String(fields.get("name") ?? ""), contact: String(fields.get("contact") ?? ""), ...page };
    const now = await surely("", "begin", body, () => say(text("trying")));
    enter(now.token ?? "");
    draw(now);
    form.reset();
    delete form.dataset["key"];
    element("text").focus();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === "chat_closed") view("away");
    say(error.message, true);
    delete form.dataset["key"];
  } finally {
    if (button) button.disabled = false;
  }
}

const queue: { id: string; words: string; files: File[] }[] = [];
let sending = false;

/** Messages leave one after another, in the order in which they were written, each until it has arrived. */
async function drain(): Promise<void> {
  if (sending) return;
  sending = true;
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    try {
      const now = await surely(token, "say", sent(next.id, next.words, next.files), () => say(text("trying")));
      settled(next.id);
      draw(now);
      say("");
    } catch (error) {
      settled(next.id);
      giveBack(next.words, error);
    }
    queue.shift();
  }
  sending = false;
}

function sent(id: string, words: string, files: File[]): Record<string, unknown> | FormData {
  const after = Math.max(0, newest());
  if (files.length === 0) return { id, text: words, after: String(after) };
  const form = new FormData();
  form.append("id", id);
  form.append("text", words);
  form.append("after", String(after));
  for (const file of files) form.append("files", file);
  return form;
}

/** Refused for good: what was written stands in the field again. */
function giveBack(words: string, error: unknown): void {
  const field = element<HTMLTextAreaElement>("text");
  field.value = field.value === "" ? words : `${words}\n${field.value}`;
  say(error instanceof Refused ? error.message : text("fault"), true);
  void look();
}

function send(): void {
  const field = element<HTMLTextAreaElement>("text");
  const files = element<HTMLInputElement>("files");
  const words = field.value.trim();
  const chosen = [...(files.files ?? [])];
  if (words === "" && chosen.length === 0) return;
  const tooLarge = chosen.find((file) => file.size > config.maxMb * 1024 * 1024);
  if (tooLarge) return say(text("tooLarge", { name: tooLarge.name, mb: config.maxMb }), true);
  const id = key();
  pending(id, [words, ...chosen.map((file) => file.name)].filter(Boolean).join("\n"));
  queue.push({ id, words, files: chosen });
  field.value = "";
  files.value = "";
  element("chosen").textContent = "";
  typedAt = 0;
  void drain();
}

async function judge(solved: boolean): Promise<void> {
  const field = element<HTMLTextAreaElement>("note");
  if (!solved && field.value.trim() === "") return field.focus();
  try {
    draw((await (await call(token, "answer", { solved, note: field.value, after: String(Math.max(0, newest())) })).json()) as State);
    field.value = "";
  } catch (error) {
    say(error instanceof Refused ? error.message : text("fault"), true);
    void look();
  }
}

async function rate(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const score = chosen();
  if (score === null) return document.querySelector<HTMLInputElement>("#scores input")?.focus();
  try {
    const comment = element<HTMLTextAreaElement>("comment").value;
    draw((await (await call(token, "rate", { score, comment, after: String(Math.max(0, newest())) })).json()) as State);
    say("");
  } catch (error) {
    say(error instanceof Refused ? error.message : text("fault"), true);
    void look();
  }
}

async function leave(): Promise<void> {
  await call(token, "end", {}).catch(() => undefined);
  forget();
}

async function save(): Promise<void> {
  const answer = await call(token, "transcript");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${state?.number ?? "chat"}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function mail(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const field = element<HTMLInputElement>("address");
  try {
    await call(token, "transcript", { address: field.value });
    say(text("mailed", { address: field.value }));
    element("mail").hidden = true;
  } catch (error) {
    say(error instanceof Refused ? error.message : text("fault"), true);
  }
}

function typed(): void {
  if (token === "" || Date.now() - typedAt < TYPED_MS) return;
  typedAt = Date.now();
  void call(token, "typing", {}).catch(() => undefined);
}

function fold(open: boolean): void {
  element("panel").hidden = !open;
  element("button").hidden = open;
  tell({ jiying: "size", open });
  if (!open) return element("button").focus();
  count(0);
  toEnd();
  (token === "" ? document.querySelector<HTMLElement>("#start textarea, #away a") : element("text"))?.focus();
}

function start(): void {
  element("button").addEventListener("click", () => fold(true));
  element("fold").addEventListener("click", () => fold(false));
  element("start").addEventListener("submit", (event) => void begin(event));
  element("write").addEventListener("submit", (event) => (event.preventDefault(), send()));
  element("mail").addEventListener("submit", (event) => void mail(event));
  element("rate").addEventListener("submit", (event) => void rate(event as SubmitEvent));
  element("text").addEventListener("input", typed);
  element("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  element("files").addEventListener("change", () => {
    element("chosen").textContent = [...(element<HTMLInputElement>("files").files ?? [])].map((file) => file.name).join(", ");
  });
  for (const [id, act] of Object.entries({ solved: () => judge(true), notyet: () => judge(false), leave, again: () => Promise.resolve(forget()), save })) {
    element(id).addEventListener("click", () => void act().catch(() => say(text("fault"), true)));
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && isFramed && isOpen() && fold(false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isOpen()) count(0);
    if (!document.hidden) void look();
  });
  addEventListener("pagehide", () => token !== "" && void call(token, "leave", {}, true).catch(() => undefined));
  addEventListener("pageshow", (event) => event.persisted && void look());
  document.body.classList.toggle("is-framed", isFramed);
  if (isFramed) tell({ jiying: "size", open: false });
  else fold(true);
  const before = remembered();
  if (before === "") view(config.open ? "start" : "away");
  else enter(before);
  document.documentElement.dataset["ready"] = "";
}

start();
