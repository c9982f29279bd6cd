/** Keyboard shortcuts that elements declare: data-key="a", data-key="g t"; j and k walk rows; `?` shows what works here. */
import { text } from "./texts";

const SEQUENCE_MS = 1200;
let prefix = "";
let prefixTimer: number | undefined;
let selected = "";

/** An input method has the keys while it composes; some browsers say so by the code alone. */
function composing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

function busy(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || composing(event) || event.ctrlKey || event.metaKey || event.altKey) return true;
  return (event.target as Element).matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") ?? false;
}

/** What stands in a closed menu works by its key wherever the menu could be opened. */
function usable(node: HTMLElement): boolean {
  const menu = node.closest<HTMLElement>("[popover]:not(:popover-open)");
  const seen = menu === null ? node : document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  return (seen?.checkVisibility({ visibilityProperty: true }) ?? false) && !node.matches(":disabled, [aria-disabled=true]");
}

/** An open dialog has the keyboard for itself; the chosen row's actions come before the page's, those before the frame's. */
function scopes(): ParentNode[] {
  const dialog = document.querySelector("dialog[open]");
  if (dialog !== null) return [dialog];
  return [document.querySelector("main [data-row].is-selected"), document.querySelector("main"), document].filter((scope) => scope !== null);
}

function find(keys: string): HTMLElement | undefined {
  for (const scope of scopes()) {
    const nodes = scope.querySelectorAll<HTMLElement>(`[data-key="${CSS.escape(keys)}"]`);
    const hit = [...nodes].find(usable);
    if (hit !== undefined) return hit;
  }
  return undefined;
}

function isPrefix(keys: string): boolean {
  return [...document.querySelectorAll<HTMLElement>("[data-key]")].some((node) => node.dataset["key"]?.startsWith(`${keys} `));
}

function act(node: HTMLElement): void {
  if (node.matches("input:not([type=checkbox]), textarea, select")) node.focus();
  else node.click();
}

function visibleRows(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("main [data-row]")].filter(usable);
}

function mark(row: HTMLElement | undefined): void {
  for (const old of document.querySelectorAll("[data-row].is-selected")) old.classList.remove("is-selected");
  if (row === undefined) return;
  selected = row.dataset["row"] ?? "";
  row.classList.add("is-selected");
  document.dispatchEvent(new Event("jy:row"));
}

function walk(step: number): void {
  const rows = visibleRows();
  const at = rows.findIndex((row) => row.dataset["row"] === selected);
  const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))];
  mark(next);
  next?.scrollIntoView({ block: "nearest" });
}

function openSelected(): boolean {
  const row = visibleRows().find((node) => node.classList.contains("is-selected"));
  const link = row?.querySelector<HTMLElement>("a[data-open], a[href]");
  link?.click();
  return link !== null && link !== undefined;
}

function label(node: HTMLElement): string {
  return node.dataset["keyLabel"] ?? node.getAttribute("aria-label") ?? (node.textContent?.trim() || node.getAttribute("placeholder")) ?? "";
}

function helpLines(): [string, string][] {
  const lines = new Map<string, string>();
  for (const node of document.querySelectorAll<HTMLElement>("[data-key]")) {
    const keys = node.dataset["key"] ?? "";
    if (usable(node) && !lines.has(keys)) lines.set(keys, label(node));
  }
  for (const scope of scopes().slice(0, -1).reverse()) {
    for (const node of scope.querySelectorAll<HTMLElement>("[data-key]")) if (usable(node)) lines.set(node.dataset["key"] ?? "", label(node));
  }
  if (visibleRows().length > 0) lines.set("j / k", text("keyWalk")).set("Enter", text("keyOpen"));
  lines.set("?", text("keyHelp"));
  return [...lines].sort(([a], [b]) => Number(a.startsWith("g ")) - Number(b.startsWith("g ")));
}

function showHelp(): void {
  const dialog = document.getElementById("jy-keys") as HTMLDialogElement | null;
  const list = dialog?.querySelector("dl");
  if (!dialog || !list || dialog.open) return;
  list.replaceChildren(...helpLines().map(([keys, what]) => {
    const line = document.createElement("div");
    const dt = line.appendChild(document.createElement("dt"));
    for (const part of keys.split(" ")) {
      if (part === "/" && keys.length > 1) continue;
      dt.appendChild(document.createElement("kbd")).textContent = part;
    }
    line.appendChild(document.createElement("dd")).textContent = what.replace(/\s+/g, " ");
    return line;
  }));
  dialog.showModal();
}

function remember(keys: string): void {
  clearTimeout(prefixTimer);
  prefix = keys;
  prefixTimer = window.setTimeout(() => (prefix = ""), SEQUENCE_MS);
}

function builtIn(key: string): boolean {
  if (document.querySelector("dialog[open]") !== null) return false;
  if (key === "?") showHelp();
  else if (key === "j" || key === "k") walk(key === "j" ? 1 : -1);
  else return key === "Enter" && document.activeElement === document.body && openSelected();
  return true;
}

/** Esc leaves what one writes in, then what floats, then the ticket. */
function leave(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (target.matches?.("input, textarea, select, [contenteditable]")) return target.blur();
  if (document.querySelector("dialog[open], [popover]:popover-open") !== null) return;
  const node = find("Escape");
  if (node !== undefined) act(node);
}

function onKey(event: KeyboardEvent): void {
  if (composing(event) || event.defaultPrevented) return;
  if (event.key === "Escape") return leave(event);
  if (busy(event) || event.key.length > 1 && event.key !== "Enter") return;
  const keys = prefix ? `${prefix} ${event.key}` : event.key;
  const node = find(keys);
  prefix = "";
  if (node !== undefined) act(node);
  else if (isPrefix(keys)) return remember(keys);
  else if (!builtIn(event.key)) return;
  event.preventDefault();
}

export function startKeys(): void {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-show-keys]")) showHelp();
    const row = target.closest<HTMLElement>("main [data-row]");
    if (row !== null) mark(row);
  });
  document.addEventListener("htmx:after:swap", () => {
    if (selected) mark(visibleRows().find((row) => row.dataset["row"] === selected));
  });
}
