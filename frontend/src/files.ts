/** Names of chosen files beside their button: <input type="file" data-files> with an <output data-chosen> after it. */

function show(input: HTMLInputElement): void {
  const output = input.parentElement?.querySelector<HTMLOutputElement>("[data-chosen]");
  if (output) output.textContent = [...(input.files ?? [])].map((file) => file.name).join(", ");
}

export function startFiles(): void {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.matches("[data-files]")) show(input);
  });
  document.addEventListener("reset", (event) => {
    const form = event.target as HTMLFormElement;
    // The values go only after this event.
    queueMicrotask(() => form.querySelectorAll<HTMLInputElement>("[data-files]").forEach(show));
  });
}
