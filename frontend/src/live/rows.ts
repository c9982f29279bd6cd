/** Lists that change while one reads them: changed rows flash in place, new rows wait behind a button.
 *  Rows carry `data-row="ticket:12" data-v="17"`; a list that holds new rows back carries `data-hold-new`. */
import htmx from "htmx.org";
import { text } from "../texts";

interface SwapTask { target: Element | string; fragment: DocumentFragment | null }

const admitted = new WeakSet<Element>();
const before = new WeakMap<Element, Map<string, string>>();

function rowsOf(scope: ParentNode): HTMLElement[] {
  return [...scope.querySelectorAll<HTMLElement>("[data-row]")];
}

function versions(scope: ParentNode): Map<string, string> {
  return new Map(rowsOf(scope).map((row) => [row.dataset["row"] ?? "", row.dataset["v"] ?? ""]));
}

function holdBack(list: HTMLElement, fragment: ParentNode, known: Map<string, string>): void {
  const fresh = rowsOf(fragment).filter((row) => !known.has(row.dataset["row"] ?? ""));
  if (fresh.length === 0) return;
  for (const row of fresh) row.remove();
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jy-newrows";
  button.textContent = text(list.dataset["holdNew"] === "ticket" ? "newTickets" : "newRows", { n: fresh.length });
  button.addEventListener("click", () => {
    admitted.add(list);
    htmx.trigger(list, "refresh", {}, false);
  });
  showAbove(list, button);
}

function showAbove(list: HTMLElement, button: HTMLElement | null): void {
  const old = list.previousElementSibling;
  if (old?.matches(".jy-newrows")) old.remove();
  if (button !== null) list.before(button);
}

function flash(list: Element): void {
  const old = before.get(list);
  before.delete(list);
  if (old === undefined) return;
  for (const row of rowsOf(list)) {
    const version = old.get(row.dataset["row"] ?? "");
    if (version === row.dataset["v"]) continue;
    row.classList.add("jy-flash");
    row.addEventListener("animationend", () => row.classList.remove("jy-flash"), { once: true });
  }
}

export function startRows(): void {
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx, tasks } = (event as CustomEvent<{ ctx: { sourceElement?: Element }; tasks: SwapTask[] }>).detail;
    const list = ctx.sourceElement;
    if (!(list instanceof HTMLElement) || !list.matches("[data-refresh]")) return;
    const known = versions(list);
    if (known.size > 0) before.set(list, known);
    if (!list.hasAttribute("data-hold-new")) return;
    showAbove(list, null);
    if (admitted.delete(list) || known.size === 0) return;
    for (const task of tasks) if (task.fragment) holdBack(list, task.fragment, known);
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx: { sourceElement?: Element } }>).detail;
    if (ctx.sourceElement) flash(ctx.sourceElement);
  });
}
