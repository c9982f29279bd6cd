/** Buttons that copy: data-copy names the field, data-copied is what the button says afterwards. */

const SAID_MS = 3000;

/** Without TLS browsers have no clipboard for pages; the marked text is copied the old way. */
async function put(field: HTMLInputElement): Promise<boolean> {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

async function copy(event: Event): Promise<void> {
  const button = (event.target as Element).closest<HTMLElement>("button[data-copy]");
  const field = button === null ? null : document.getElementById(button.dataset["copy"] ?? "");
  const label = button?.querySelector("[data-label]");
  if (!(field instanceof HTMLInputElement) || !label) return;
  const said = button?.dataset["copied"] ?? "";
  if (label.textContent === said || !(await put(field))) return;
  const before = label.textContent;
  label.textContent = said;
  setTimeout(() => (label.textContent = before), SAID_MS);
}

export function startCopy(): void {
  document.addEventListener("click", (event) => void copy(event));
}
