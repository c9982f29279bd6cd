/** The composer: opens its tabs, sends by keys, says what came in since one began. It holds no rule: the server asks again. */
import { unsent } from "./drafts";
import { text } from "./texts";

function composer(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-composer]");
}

function newest(): number {
  return Math.max(0, ...[...document.querySelectorAll<HTMLElement>("#ticket-talk [data-said]")].map((said) => Number(said.dataset["said"])));
}

/** Who begins to write has seen what stands there. */
function begin(field: HTMLTextAreaElement): void {
  const seen = field.form?.querySelector<HTMLInputElement>("[name=last_seen]");
  if (!seen) return;
  const isBegun = field.dataset["begun"] !== undefined || field.defaultValue !== "";
  if (!isBegun) seen.value = String(Math.max(Number(seen.value), newest()));
  if (field.value === "") delete field.dataset["begun"];
  else field.dataset["begun"] = "";
}

function showFresh(): void {
  const line = composer()?.querySelector<HTMLElement>("[data-fresh]");
  const field = composer()?.querySelector<HTMLTextAreaElement>("#say-body");
  if (!line || !field) return;
  const seen = Number(field.form?.querySelector<HTMLInputElement>("[name=last_seen]")?.value ?? 0);
  const fresh = [...document.querySelectorAll<HTMLElement>("#ticket-talk [data-said]:not([data-known])")];
  const n = field.value === "" ? 0 : fresh.filter((said) => Number(said.dataset["said"]) > seen).length;
  line.hidden = n === 0;
  if (n > 0) line.textContent = text("newMessages", { n });
}

function write(kind: string): void {
  composer()?.querySelector<HTMLElement>(`[role=tab][aria-controls="say-${kind}"]`)?.click();
}

/** Puts a sign where the caret is; what listens to typing does the rest. */
function insert(button: HTMLElement): void {
  const field = button.closest("form")?.querySelector<HTMLTextAreaElement>("textarea");
  if (!field) return;
  field.focus();
  const before = field.value.slice(0, field.selectionStart);
  const sign = `${before === "" || /\s$/.test(before) ? "" : " "}${button.dataset["insert"] ?? ""}`;
  field.setRangeText(sign, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function combination(event: KeyboardEvent): string {
  const held = [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey ? "Shift" : ""];
  return [...held, event.key].filter(Boolean).join("+");
}

/** Ctrl+Enter sends the form one writes in; other combinations press the button that names them. */
function send(event: KeyboardEvent): void {
  const field = event.target;
  if (event.key !== "Enter" || event.isComposing || !(field instanceof HTMLTextAreaElement) || field.form === null) return;
  const keys = combination(event);
  if (keys === "Enter" || keys === "Shift+Enter") return;
  const button = field.form.querySelector<HTMLButtonElement>(`[data-send="${CSS.escape(keys)}"]`);
  if (button === null && keys !== "Ctrl+Enter") return;
  event.preventDefault();
  if (field.form.reportValidity()) field.form.requestSubmit(button);
}

type Answered = CustomEvent<{ ctx: { sourceElement?: Element; response?: { status: number } } }>;
let sent = "";

/** What is sent is out of one's hands: from that moment the keys are the page's again. */
function release(event: Event): void {
  const active = document.activeElement;
  if (!(event as Answered).detail.ctx.sourceElement?.matches("[data-kind]")) return;
  if (!(active instanceof HTMLTextAreaElement) || active.closest("[data-composer]") === null) return;
  sent = active.dataset["draft"] ?? "";
  active.blur();
}

/** It did not go: one is back in the field with what one wrote, unless one has gone elsewhere meanwhile. */
function takeBack(event: Event): void {
  const { ctx } = (event as Answered).detail;
  if (!ctx.sourceElement?.matches("[data-kind]") || (ctx.response?.status ?? 500) < 300) return;
  if (document.activeElement === document.body) composer()?.querySelector<HTMLElement>(`textarea[data-draft="${CSS.escape(sent)}"]`)?.focus();
}

function kinds(box: HTMLElement): string {
  return [...box.querySelectorAll<HTMLElement>("[data-kind]")].map((form) => form.dataset["kind"]).join(" ");
}

type Swapping = CustomEvent<{ ctx: { sourceElement?: Element; response?: { status: number } }; tasks: { fragment: DocumentFragment | null }[] }>;

/** The field in which one writes just now. */
function writing(box: HTMLElement): HTMLTextAreaElement | null {
  const active = document.activeElement;
  return active instanceof HTMLTextAreaElement && box.contains(active) ? active : null;
}

function afterSwap(run: () => void): void {
  document.addEventListener("htmx:after:swap", run, { once: true });
}

/** An answer brings the whole ticket anew; who is writing just then loses nothing of it. */
function keep(event: Event): void {
  const { ctx, tasks } = (event as Swapping).detail;
  const old = composer();
  if (old === null) return;
  for (const { fragment } of tasks) {
    const fresh = fragment?.querySelector<HTMLElement>("[data-composer]");
    if (!fresh || fresh.dataset["draftUrl"] !== old.dataset["draftUrl"]) continue;
    if (ctx.sourceElement?.closest("[data-composer]")) carry(old, ctx.sourceElement, (ctx.response?.status ?? 500) < 300);
    else if (kinds(fresh) === kinds(old)) keepBox(old, fresh);
  }
}

/** Another verb's answer: the box itself stays, with the caret. */
function keepBox(old: HTMLElement, fresh: HTMLElement): void {
  const field = writing(old);
  const caret = field === null ? [0, 0] as const : [field.selectionStart, field.selectionEnd] as const;
  fresh.replaceWith(old);
  if (field === null) return;
  afterSwap(() => {
    field.focus({ preventScroll: true });
    field.setSelectionRange(...caret);
  });
}

/** The answer to what was sent from here: the new box gets what was written since, and the caret where it was. */
function carry(old: HTMLElement, sender: Element, isAccepted: boolean): void {
  const at = writing(old);
  const written = [...old.querySelectorAll<HTMLTextAreaElement>("textarea[data-draft]")].map((field) =>
    [field.dataset["draft"] ?? "", isAccepted && sender.contains(field) ? unsent(field) : field.value] as const);
  const fromEnd = at === null ? 0 : at.value.length - at.selectionEnd;
  afterSwap(() => {
    const find = (key = ""): HTMLTextAreaElement | null => composer()?.querySelector(`textarea[data-draft="${CSS.escape(key)}"]`) ?? null;
    for (const [key, words] of written) {
      const field = find(key);
      if (field === null || words === "" || field.value === words) continue;
      field.value = words;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const field = at && find(at.dataset["draft"]);
    if (!field) return;
    write(field.form?.dataset["kind"] ?? "");
    field.focus({ preventScroll: true });
    const caret = Math.max(0, field.value.length - fromEnd);
    field.setSelectionRange(caret, caret);
  });
}

export function startComposer(): void {
  document.addEventListener("keydown", send);
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLTextAreaElement) || field.closest("[data-composer]") === null) return;
    begin(field);
    showFresh();
    field.form?.querySelector('[id^="preview-"]')?.replaceChildren();
  });
  document.addEventListener("htmx:after:swap", showFresh);
  document.addEventListener("htmx:before:swap", keep);
  document.addEventListener("htmx:before:request", release);
  document.addEventListener("htmx:finally:request", takeBack);
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const writer = target.closest<HTMLElement>("[data-write]");
    if (writer !== null) write(writer.dataset["write"] ?? "reply");
    const inserter = target.closest<HTMLElement>("[data-insert]");
    if (inserter !== null) insert(inserter);
  });
}
