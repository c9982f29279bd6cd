/** The agent's desk: one ticket beside the list. Marks its row, steps to its neighbours, goes back without a reload.
 *  The list is [data-worklist], the place of the ticket #beside, the opened one #ticket[data-number]. */
import htmx from "htmx.org";
import { titleOpened } from "./title";

function list(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-worklist]");
}

function opened(): string {
  return document.querySelector<HTMLElement>("#beside #ticket")?.dataset["number"] ?? "";
}

function rows(): HTMLElement[] {
  return [...(list()?.querySelectorAll<HTMLElement>("[data-number]") ?? [])];
}

/** The row of the opened ticket; at the ends of the list there is no neighbour to step to. */
function show(): void {
  if (list() === null) return;
  const number = opened();
  const all = rows();
  titleOpened(number === "" ? "" : `${number} ${document.getElementById("ticket-subject")?.textContent ?? ""}`);
  for (const row of all) row.toggleAttribute("aria-current", row.dataset["number"] === number && number !== "");
  const at = all.findIndex((row) => row.dataset["number"] === number);
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-step]")) {
    button.disabled = all[next(at, Number(button.dataset["step"]), all.length)] === undefined;
  }
}

/** A ticket that has left the list is followed by the first, and has nothing before it. */
function next(at: number, step: number, n: number): number {
  if (at < 0) return step > 0 && n > 0 ? 0 : -1;
  return at + step;
}

function step(by: number): void {
  const all = rows();
  const row = all[next(all.findIndex((one) => one.dataset["number"] === opened()), by, all.length)];
  row?.querySelector<HTMLElement>("a[data-open]")?.click();
  row?.scrollIntoView({ block: "nearest" });
}

function close(): void {
  const beside = document.getElementById("beside");
  const number = opened();
  beside?.replaceChildren();
  document.dispatchEvent(new Event("jy:closed"));
  show();
  rows().find((row) => row.dataset["number"] === number)?.scrollIntoView({ block: "nearest" });
}

/** Back and forward change the opened ticket in place. */
function restore(event: Event): void {
  if (list() === null) return;
  event.preventDefault();
  const number = new URLSearchParams(location.search).get("ticket");
  if (number === null) return close();
  void htmx.ajax("GET", `/tickets/${encodeURIComponent(number)}/`, { target: "#beside", swap: "innerHTML" });
}

function clicked(event: Event): void {
  const target = event.target as Element;
  const button = target.closest<HTMLElement>("[data-step]");
  if (button !== null) step(Number(button.dataset["step"]));
  const back = target.closest<HTMLAnchorElement>("a[data-leave]");
  if (back === null || list() === null) return;
  event.preventDefault();
  history.pushState({ htmx: true }, "", back.href);
  close();
}

export function startWorkspace(): void {
  show();
  document.addEventListener("click", clicked);
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("htmx:before:history:restore", restore);
}
