/** The page's own data: settings as JSON, and texts as data attributes of #chat-texts. */

export interface Config { live: string; here: string; form: string; open: boolean; asks: boolean; mails: boolean; maxText: number; maxMb: number; language: string }

export const config = JSON.parse(document.getElementById("chat-config")?.textContent ?? "{}") as Config;

export function text(key: string, values: Record<string, string | number> = {}): string {
  const pattern = document.getElementById("chat-texts")?.dataset[key] ?? key;
  return pattern.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}
