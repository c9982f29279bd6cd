/** Dialogs, pop-overs and tabs on the browser's own elements: <dialog>, [popover], role=tab. */

/** Asks by the page's confirm dialog; resolves to whether the person agreed. `from` may carry data-confirm-yes and data-confirm-danger. */
export function ask(question: string, from?: Element): Promise<boolean> {
  const dialog = document.getElementById("jy-confirm") as HTMLDialogElement | null;
  if (dialog === null) return Promise.resolve(false);
  dialog.querySelector("[data-question]")!.textContent = question;
  const yes = dialog.querySelector<HTMLButtonElement>('button[value="yes"]')!;
  yes.textContent = from?.getAttribute("data-confirm-yes") ?? yes.dataset["label"] ?? "";
  yes.className = from?.hasAttribute("data-confirm-danger") ? "btn btn-danger" : "btn btn-primary";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

function openByAttribute(event: Event): void {
  const opener = (event.target as Element).closest<HTMLElement>("[data-dialog]");
  if (opener === null) return;
  event.preventDefault();
  (document.getElementById(opener.dataset["dialog"] ?? "") as HTMLDialogElement | null)?.showModal();
}

/** Plain forms with data-confirm ask before they leave; htmx ones use hx-confirm. */
function confirmForm(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  const question = form.dataset["confirm"];
  if (question === undefined || form.dataset["agreed"] !== undefined) return;
  event.preventDefault();
  void ask(question, form).then((yes) => {
    if (!yes) return;
    form.dataset["agreed"] = "";
    form.requestSubmit(event.submitter);
    delete form.dataset["agreed"];
  });
}

/** Puts an open pop-over under its button, inside the window. */
function place(box: HTMLElement): void {
  const opener = document.querySelector(`[popovertarget="${CSS.escape(box.id)}"]`);
  if (opener === null) return;
  const anchor = opener.getBoundingClientRect();
  const size = box.getBoundingClientRect();
  const left = box.dataset["side"] === "end" ? anchor.right - size.width : anchor.left;
  const below = anchor.bottom + 4 + size.height <= innerHeight || anchor.top < size.height;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
  box.style.top = `${Math.max(8, below ? anchor.bottom + 4 : anchor.top - size.height - 4)}px`;
}

function placeOpened(event: Event): void {
  const box = event.target;
  if (box instanceof HTMLElement && box.matches(".jy-pop:popover-open")) place(box);
}

/** Content that came later changes the size. */
function placeSwapped(event: Event): void {
  const box = event.target instanceof Element ? event.target.closest<HTMLElement>(".jy-pop:popover-open") : null;
  if (box !== null) place(box);
}

function chooseTab(tab: HTMLElement): void {
  const list = tab.closest('[role="tablist"]');
  for (const other of list?.querySelectorAll<HTMLElement>('[role="tab"]') ?? []) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls") ?? "");
    if (panel !== null) panel.hidden = !chosen;
  }
}

function tabClick(event: Event): void {
  const tab = (event.target as Element).closest<HTMLElement>('button[role="tab"]');
  if (tab === null) return;
  chooseTab(tab);
  document.getElementById(tab.getAttribute("aria-controls") ?? "")?.querySelector<HTMLElement>("[data-focus]")?.focus();
}

/** A dialog marked data-open-filled opens when its content has come, never empty and never with what it held before. */
function openFilled(event: Event): void {
  const { target } = (event as CustomEvent<{ ctx: { target?: Element | string } }>).detail.ctx;
  const dialog = target instanceof Element ? target.closest<HTMLDialogElement>("dialog[data-open-filled]") : null;
  if (dialog !== null && !dialog.open && target instanceof Element && target.childElementCount > 0) dialog.showModal();
}

function tabKeys(event: KeyboardEvent): void {
  const tab = (event.target as Element).closest<HTMLElement>('button[role="tab"]');
  if (tab === null || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const all = [...tab.closest('[role="tablist"]')!.querySelectorAll<HTMLElement>('[role="tab"]')];
  const next = all[(all.indexOf(tab) + (event.key === "ArrowRight" ? 1 : -1) + all.length) % all.length];
  if (next === undefined) return;
  chooseTab(next);
  next.focus();
}

export function startDialogs(): void {
  document.addEventListener("click", openByAttribute);
  document.addEventListener("click", tabClick);
  document.addEventListener("keydown", tabKeys);
  document.addEventListener("submit", confirmForm, { capture: true });
  document.addEventListener("toggle", placeOpened, { capture: true });
  document.addEventListener("htmx:after:swap", placeSwapped);
  document.addEventListener("htmx:after:swap", openFilled);
}
