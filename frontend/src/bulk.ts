/** Choosing rows of a list for one action on all of them: boxes, `x`, shift for a stretch; the bar shows while some are chosen. */

let last: HTMLInputElement | null = null;

function boxes(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("[data-pick]")];
}

function bar(): HTMLFormElement | null {
  return document.querySelector<HTMLFormElement>("form[data-bulk]");
}

function everything(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>("[data-everything]");
}

function show(): void {
  const form = bar();
  if (form === null) return;
  const all = boxes();
  const n = all.filter((box) => box.checked).length;
  form.hidden = n === 0;
  if (n < all.length) setEverything(false);
  const counted = form.querySelector<HTMLElement>("[data-bulk-n]");
  if (counted !== null) counted.textContent = (counted.dataset["one"] ?? "{n}").replace("{n}", String(n));
  const head = document.querySelector<HTMLInputElement>("[data-pick-all]");
  if (head !== null) {
    head.checked = n > 0 && n === all.length;
    head.indeterminate = n > 0 && n < all.length;
  }
}

function setEverything(on: boolean): void {
  const field = everything();
  const button = document.querySelector<HTMLElement>("[data-take-everything]");
  if (field !== null) field.value = on ? "1" : "";
  button?.setAttribute("aria-pressed", String(on));
  button?.classList.toggle("active", on);
}

function stretch(to: HTMLInputElement): void {
  const all = boxes();
  const ends = [last === null ? -1 : all.indexOf(last), all.indexOf(to)].sort((a, b) => a - b);
  if (ends[0]! < 0) return;
  for (const box of all.slice(ends[0], ends[1]! + 1)) box.checked = to.checked;
}

function onClick(event: MouseEvent): void {
  const target = event.target as Element;
  if (target.matches("[data-pick]")) {
    if (event.shiftKey) stretch(target as HTMLInputElement);
    last = target as HTMLInputElement;
    show();
  }
  if (target.matches("[data-pick-all]")) {
    for (const box of boxes()) box.checked = (target as HTMLInputElement).checked;
    show();
  }
  if (target.closest("[data-pick-none]")) {
    for (const box of boxes()) box.checked = false;
    show();
  }
  const wish = target.closest("[data-take-everything]");
  if (wish !== null) {
    for (const box of boxes()) box.checked = true;
    show();
    setEverything(wish.getAttribute("aria-pressed") !== "true");
  }
}

/** A list that was fetched anew keeps what is chosen in it. */
let kept = new Set<string>();

function remember(): void {
  kept = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
}

function restore(): void {
  for (const box of boxes()) if (kept.has(box.value)) box.checked = true;
  show();
}

/** Lines of a sortable list move up and down by their buttons. */
function moveLine(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-move]");
  const line = button?.closest("li");
  if (!button || !line) return;
  if (button.dataset["move"] === "-1") line.previousElementSibling?.before(line);
  else line.nextElementSibling?.after(line);
  button.focus();
}

/** A choice of a canned text writes it into the field that it fills. */
function fill(event: Event): void {
  const choice = event.target as HTMLSelectElement;
  const field = choice.matches("select[data-fills]") ? document.getElementById(choice.dataset["fills"] ?? "") : null;
  if (field instanceof HTMLTextAreaElement && choice.value !== "") field.value = choice.value;
}

/** What can be taken back for a minute only vanishes when the minute is over. */
function dropExpired(): void {
  for (const node of document.querySelectorAll<HTMLElement>("form[data-until]")) {
    if (Date.now() / 1000 > Number(node.dataset["until"])) node.remove();
  }
}

export function startBulk(): void {
  document.addEventListener("click", onClick);
  document.addEventListener("click", moveLine);
  document.addEventListener("change", fill);
  document.addEventListener("htmx:before:swap", remember);
  document.addEventListener("htmx:after:swap", restore);
  addEventListener("pageshow", show);
  if (document.querySelector("form[data-until]")) setInterval(dropExpired, 1000);
}
