/** Texts by `/` and people by `@` while one writes: <textarea data-pick="texts people">. The list is #choices, the server
 *  finds what fits; arrows choose, Enter or Tab inserts, Esc closes. Input methods type `、` for `/` and `＠` for `@`. */
import { post } from "./net";

interface Asked { field: HTMLTextAreaElement; what: "texts" | "people"; from: number; word: string }

const SIGNS: [Asked["what"], RegExp][] = [["texts", /(^|\s)[/、](\S{0,30})$/], ["people", /(^|[\s，。；：、！？（])[@＠](\S{0,30})$/]];
const PAUSE_MS = 90;
let asked: Asked | undefined;
let timer: number | undefined;
let turn = 0;

function box(): HTMLElement | null {
  return document.getElementById("choices");
}

function options(): HTMLElement[] {
  return [...(box()?.querySelectorAll<HTMLElement>("[role=option]") ?? [])];
}

function close(): void {
  clearTimeout(timer);
  turn++;
  asked?.field.removeAttribute("aria-activedescendant");
  asked = undefined;
  const list = box();
  if (list) list.hidden = true;
}

function look(field: HTMLTextAreaElement): Asked | undefined {
  if (field.selectionStart !== field.selectionEnd) return undefined;
  const before = field.value.slice(0, field.selectionStart);
  for (const [what, sign] of SIGNS) {
    if (!field.dataset["pick"]?.split(" ").includes(what)) continue;
    const match = sign.exec(before);
    if (match) return { field, what, word: match[2] ?? "", from: field.selectionStart - (match[2] ?? "").length - 1 };
  }
  return undefined;
}

function typed(field: HTMLTextAreaElement): void {
  const found = look(field);
  if (found === undefined) return close();
  asked = found;
  clearTimeout(timer);
  timer = window.setTimeout(() => void fetchChoices(found), PAUSE_MS);
}

async function fetchChoices(wanted: Asked): Promise<void> {
  const url = wanted.field.closest<HTMLElement>("[data-composer]")?.dataset[`${wanted.what}Url`];
  if (url === undefined) return;
  const mine = ++turn;
  const answer = await fetch(`${url}?q=${encodeURIComponent(wanted.word)}`, { headers: { "HX-Request": "true" } });
  const html = answer.ok ? await answer.text() : "";
  const list = box();
  if (mine !== turn || list === null || html === "") return;
  list.innerHTML = html;
  list.hidden = false;
  choose(0);
}

function choose(index: number): void {
  const all = options();
  const chosen = all[(index + all.length) % all.length];
  for (const option of all) option.setAttribute("aria-selected", String(option === chosen));
  if (chosen === undefined) return;
  asked?.field.setAttribute("aria-activedescendant", chosen.id);
  chosen.scrollIntoView({ block: "nearest" });
}

function insert(option: HTMLElement): void {
  if (asked === undefined) return;
  const { field, from, what } = asked;
  field.setRangeText(option.dataset["text"] ?? "", from, field.selectionStart, "end");
  if (what === "people") remember(field, option.dataset["choice"] ?? "");
  if (option.dataset["used"] !== undefined) void post(option.dataset["used"], {}, { keepalive: true });
  close();
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  close(); // what was inserted may end in a sign of its own
}

/** Of two people with one name the chosen one is meant. */
function remember(field: HTMLTextAreaElement, id: string): void {
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = "mention";
  input.value = id;
  field.form?.append(input);
}

function keyed(event: KeyboardEvent): void {
  if (asked === undefined || box()?.hidden !== false || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const all = options();
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") choose(at + 1);
  else if (event.key === "ArrowUp") choose(at - 1);
  else if ((event.key === "Enter" || event.key === "Tab") && all[at] !== undefined) insert(all[at]);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function startPicker(): void {
  document.addEventListener("keydown", keyed, { capture: true });
  const typedIn = (event: Event): void => {
    const field = event.target;
    if (field instanceof HTMLTextAreaElement && field.matches("[data-pick]") && !(event as InputEvent).isComposing) typed(field);
  };
  document.addEventListener("input", typedIn);
  document.addEventListener("compositionend", typedIn);
  document.addEventListener("pointerdown", (event) => {
    const option = (event.target as Element).closest<HTMLElement>("#choices [role=option]");
    if (option === null) return asked && (event.target as Element).closest("#choices, [data-insert]") === null ? close() : undefined;
    event.preventDefault();
    insert(option);
  });
  document.addEventListener("htmx:after:swap", () => asked && !asked.field.isConnected && close());
}
