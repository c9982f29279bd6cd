/** What was written and not sent: <textarea data-draft="key"> is kept in this browser at once, and by the server of its
 *  [data-draft-url] a moment later, until its form is accepted. */
import { post } from "./net";

const PREFIX = "jy-draft:";
const KEEP_MS = 14 * 24 * 3600 * 1000;
const PAUSE_MS = 900; // without a stroke: then the server gets it

interface Draft { text: string; at: number }
const waiting = new Map<string, { timer: number; abort: AbortController }>();
const onWay = new WeakMap<HTMLTextAreaElement, string>(); // what stood in a field when its form was sent

function keyOf(field: HTMLTextAreaElement): string {
  return `${PREFIX}${document.body.dataset["me"] ?? ""}:${field.dataset["draft"]}`;
}

function save(field: HTMLTextAreaElement): void {
  const url = field.closest<HTMLElement>("[data-draft-url]")?.dataset["draftUrl"];
  if (field.value.trim() === "" && url === undefined) localStorage.removeItem(keyOf(field));
  else localStorage.setItem(keyOf(field), JSON.stringify({ text: field.value, at: Date.now() } satisfies Draft));
  if (url !== undefined) later(field, url);
}

function later(field: HTMLTextAreaElement, url: string): void {
  const key = keyOf(field);
  drop(key);
  const abort = new AbortController();
  waiting.set(key, { abort, timer: window.setTimeout(() => void send(field, url, key, abort.signal), PAUSE_MS) });
}

/** Kept by the server: the browser's own copy has done its work. Where that fails, it stays and is sent the next time. */
async function send(field: HTMLTextAreaElement, url: string, key: string, signal: AbortSignal): Promise<void> {
  const body = field.value;
  const seen = field.form?.querySelector<HTMLInputElement>("[name=last_seen]")?.value ?? "0";
  try {
    const answer = await post(url, { kind: field.form?.dataset["kind"] ?? "", body, last_seen: seen }, { signal });
    if (!answer.ok || field.value !== body) return;
    localStorage.removeItem(key);
    const kept = field.form?.querySelector<HTMLElement>("[data-kept]");
    if (kept) kept.hidden = body.trim() === "";
  } catch (error) {
    if (!signal.aborted) console.info("draft: kept in this browser for now", error);
  }
}

function drop(key: string): void {
  const known = waiting.get(key);
  clearTimeout(known?.timer);
  known?.abort.abort();
  waiting.delete(key);
}

function restore(scope: ParentNode): void {
  for (const field of scope.querySelectorAll<HTMLTextAreaElement>("textarea[data-draft]")) {
    const stored = localStorage.getItem(keyOf(field));
    if (stored === null || field.dataset["restored"] !== undefined || field === document.activeElement) continue;
    field.dataset["restored"] = "";
    const { text } = JSON.parse(stored) as Draft;
    if (field.value === text) continue;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** What was written in a field since its form was sent; all of it where it was not. */
export function unsent(field: HTMLTextAreaElement): string {
  const sent = onWay.get(field) ?? "";
  if (sent.startsWith(field.value)) return "";
  return field.value.startsWith(sent) ? field.value.slice(sent.length).trimStart() : field.value;
}

function fieldsOf(form: Element | null | undefined): HTMLTextAreaElement[] {
  return [...(form?.querySelectorAll<HTMLTextAreaElement>("textarea[data-draft]") ?? [])];
}

/** Its form was accepted: what was sent is no draft any more, what was written since is one. */
function forget(field: HTMLTextAreaElement): void {
  const rest = onWay.has(field) ? unsent(field) : "";
  drop(keyOf(field));
  if (rest === "") localStorage.removeItem(keyOf(field));
  else localStorage.setItem(keyOf(field), JSON.stringify({ text: rest, at: Date.now() } satisfies Draft));
  delete field.dataset["restored"];
}

type Sending = CustomEvent<{ ctx: { sourceElement?: Element; response?: { status: number }; request: { method: string } } }>;

/** The form that a request sends, if it sends one. */
function sender(event: Event): Element | null {
  const { ctx } = (event as Sending).detail;
  return ctx.request.method !== "GET" && ctx.sourceElement?.matches("form") ? ctx.sourceElement : null;
}

/** Drafts are not an archive: what nobody came back to goes. */
function dropOld(): void {
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
    const draft = JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Draft>;
    if (Date.now() - (draft.at ?? 0) > KEEP_MS) localStorage.removeItem(key);
  }
}

/** Only an accepted form clears its draft, and only what was sent with it. */
export function startDrafts(): void {
  dropOld();
  restore(document);
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field instanceof HTMLTextAreaElement && field.matches("[data-draft]")) save(field);
  });
  document.addEventListener("htmx:before:request", (event) => {
    for (const field of fieldsOf(sender(event))) {
      drop(keyOf(field));
      onWay.set(field, field.value);
    }
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (((event as Sending).detail.ctx.response?.status ?? 500) < 300) fieldsOf(sender(event)).forEach(forget);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    for (const field of fieldsOf(sender(event))) onWay.delete(field);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.hasAttribute("data-draft-forget")) fieldsOf(form).forEach(forget); // a plain form whose answer is another page
  });
  document.addEventListener("htmx:after:swap", () => restore(document));
}
