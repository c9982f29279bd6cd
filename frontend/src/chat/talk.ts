/** The conversation on screen: lines by id, each once, made of text nodes only: what somebody wrote is never markup. */
import { config, element, text } from "./texts";

export interface Kept { name: string; size: number; key: string; is_picture: boolean }
export interface Line { id: number; who: "me" | "agent" | "auto" | "call"; author: string; text: string; at: string; files: Kept[] }

const ADDRESS = /https?:\/\/[^\s<>"'“”‘’，。；：！？、（）【】《》]+[^\s<>"'“”‘’，。；：！？、（）【】《》.,;:!?)\]]/g;
const shown = new Set<number>();

export function newest(): number {
  return Math.max(-1, ...shown);
}

function link(href: string): HTMLAnchorElement {
  const made = document.createElement("a");
  made.href = href;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow";
  return made;
}

function body(words: string): HTMLElement {
  const box = document.createElement("div");
  box.className = "body";
  let from = 0;
  for (const found of words.matchAll(ADDRESS)) {
    const made = link(found[0]);
    made.textContent = found[0];
    box.append(words.slice(from, found.index), made);
    from = found.index + found[0].length;
  }
  box.append(words.slice(from));
  return box;
}

function fileLink(file: Kept): HTMLElement {
  const made = link(`${config.here}files/${encodeURIComponent(file.key)}`);
  made.className = "file";
  if (!file.is_picture) {
    made.textContent = `${file.name} · ${Math.max(1, Math.round(file.size / 1024))} KB`;
    made.download = file.name;
    return made;
  }
  const picture = document.createElement("img");
  picture.src = made.href;
  picture.alt = file.name;
  picture.addEventListener("load", toEnd, { once: true });
  made.append(picture);
  return made;
}

function bubble(line: Line): HTMLElement {
  const box = document.createElement("li");
  const head = document.createElement("header");
  const at = new Date(line.at).toLocaleTimeString(config.language, { hour: "2-digit", minute: "2-digit" });
  box.className = `line is-${line.who}`;
  head.textContent = [line.who === "me" ? "" : line.author, line.who === "auto" ? text("automatic") : "", at].filter(Boolean).join(" · ");
  box.append(head, body(line.text), ...line.files.map(fileLink));
  return box;
}

export function toEnd(): void {
  const scroll = element("talk");
  scroll.scrollTop = scroll.scrollHeight;
}

/** Puts new lines before what is still on its way; returns those that are not one's own. */
export function show(lines: Line[]): Line[] {
  const fresh = lines.filter((line) => !shown.has(line.id));
  const list = element("lines");
  for (const line of fresh) {
    shown.add(line.id);
    list.insertBefore(bubble(line), list.querySelector(".is-pending"));
  }
  if (fresh.length > 0) toEnd();
  return fresh.filter((line) => line.who !== "me");
}

/** What is on its way: shown at once, gone when it has come back as a line. */
export function pending(key: string, words: string): void {
  const made = bubble({ id: 0, who: "me", author: "", text: words, at: new Date().toISOString(), files: [] });
  made.classList.add("is-pending");
  made.id = `pending-${key}`;
  element("lines").append(made);
  toEnd();
}

export function settled(key: string): void {
  document.getElementById(`pending-${key}`)?.remove();
}

export function clear(): void {
  shown.clear();
  element("lines").replaceChildren();
}
