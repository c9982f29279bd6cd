/** What was written and not sent: <textarea data-draft="key"> is kept in this browser until its form is accepted. */

const PREFIX = "jy-draft:";
const KEEP_MS = 14 * 24 * 3600 * 1000;

interface Draft { text: string; at: number }

function keyOf(field: HTMLTextAreaElement): string {
  return `${PREFIX}${document.body.dataset["me"] ?? ""}:${field.dataset["draft"]}`;
}

function save(field: HTMLTextAreaElement): void {
  if (field.value.trim() === "") localStorage.removeItem(keyOf(field));
  else localStorage.setItem(keyOf(field), JSON.stringify({ text: field.value, at: Date.now() } satisfies Draft));
}

function restore(scope: ParentNode): void {
  for (const field of scope.querySelectorAll<HTMLTextAreaElement>("textarea[data-draft]")) {
    const stored = localStorage.getItem(keyOf(field));
    if (stored === null || field.value !== "" || field.dataset["restored"] !== undefined) continue;
    field.dataset["restored"] = "";
    field.value = (JSON.parse(stored) as Draft).text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function forget(form: Element | null | undefined): void {
  for (const field of form?.querySelectorAll<HTMLTextAreaElement>("textarea[data-draft]") ?? []) {
    localStorage.removeItem(keyOf(field));
    delete field.dataset["restored"];
  }
}

/** Drafts are not an archive: what nobody came back to goes. */
function dropOld(): void {
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
    const draft = JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Draft>;
    if (Date.now() - (draft.at ?? 0) > KEEP_MS) localStorage.removeItem(key);
  }
}

/** Only an accepted form clears its draft: the page says so by HX-Trigger `draft:done`, or the htmx answer is a 2xx. */
export function startDrafts(): void {
  dropOld();
  restore(document);
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field instanceof HTMLTextAreaElement && field.matches("[data-draft]")) save(field);
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx: { sourceElement?: Element; response?: { status: number }; request: { method: string } } }>).detail;
    if (ctx.request.method !== "GET" && ctx.response && ctx.response.status < 300) forget(ctx.sourceElement?.closest("form"));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.hasAttribute("data-draft-forget")) forget(form); // a plain form whose answer is another page
  });
  document.addEventListener("htmx:after:swap", () => restore(document));
}
