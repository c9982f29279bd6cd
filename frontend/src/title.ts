/** The tab's own words: what is open, how many alerts wait, in the title and as a badge on its icon. */

const page = document.title;
const tail = / · [^·]*$/.exec(page)?.[0] ?? "";
const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
const plainIcon = icon?.href ?? "";
let opened = "";
let waiting = 0;

function write(): void {
  const words = opened === "" ? page : `${opened}${tail}`;
  document.title = waiting > 0 ? `(${waiting}) ${words}` : words;
}

function badge(n: number): string {
  const label = n > 9 ? "9+" : String(n);
  const sign = '<rect width="32" height="32" rx="8" fill="#0b6bcb"/><circle cx="20" cy="20" r="12" fill="#c92a2a"/>';
  const text = `<text x="20" y="26" font-size="${n > 9 ? 14 : 18}" font-family="sans-serif" font-weight="700" fill="#fff" text-anchor="middle">${label}</text>`;
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${sign}${text}</svg>`)}`;
}

/** What stands beside the list; empty: the page's own title. */
export function titleOpened(words: string): void {
  opened = words;
  write();
}

export function titleCount(n: number): void {
  if (icon !== null && n !== waiting) icon.href = n > 0 ? badge(n) : plainIcon;
  waiting = n;
  write();
}
