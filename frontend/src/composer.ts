/** The composer: opens its tabs, sends by keys, says what came in since one began. It holds no rule: the server asks again. */
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

/** What was sent is out of one's hands: the keys are the page's again. Before the swap, which would keep the focus. */
function release(event: Event): void {
  const { ctx } = (event as CustomEvent<{ ctx: { sourceElement?: Element; response?: { status: number } } }>).detail;
  if (!ctx.sourceElement?.matches("[data-kind]") || (ctx.response?.status ?? 500) >= 300) return;
  if (document.activeElement instanceof HTMLTextAreaElement) document.activeElement.blur();
}

function kinds(box: HTMLElement): string {
  return [...box.querySelectorAll<HTMLElement>("[data-kind]")].map((form) => form.dataset["kind"]).join(" ");
}

/** Another verb's answer brings the whole ticket anew; who is writing just then keeps the box, the caret and what stands there. */
function keep(event: Event): void {
  const { ctx, tasks } = (event as CustomEvent<{ ctx: { sourceElement?: Element }; tasks: { fragment: DocumentFragment | null }[] }>).detail;
  const old = composer();
  if (old === null || ctx.sourceElement?.closest("[data-composer]")) return;
  for (const { fragment } of tasks) {
    const fresh = fragment?.querySelector<HTMLElement>("[data-composer]");
    if (!fresh || fresh.dataset["draftUrl"] !== old.dataset["draftUrl"] || kinds(fresh) !== kinds(old)) continue;
    const field = document.activeElement instanceof HTMLTextAreaElement && old.contains(document.activeElement) ? document.activeElement : null;
    const caret = field === null ? [0, 0] as const : [field.selectionStart, field.selectionEnd] as const;
    fresh.replaceWith(old);
    if (field === null) continue;
    document.addEventListener("htmx:after:swap", () => {
      field.focus({ preventScroll: true });
      field.setSelectionRange(...caret);
    }, { once: true });
  }
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
  document.addEventListener("htmx:after:request", release);
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const writer = target.closest<HTMLElement>("[data-write]");
    if (writer !== null) write(writer.dataset["write"] ?? "reply");
    const inserter = target.closest<HTMLElement>("[data-insert]");
    if (inserter !== null) insert(inserter);
  });
}
