/** Files for what one writes: chosen, dropped or pasted, they go to the draft at once, with progress, and stay over a reload. */
import htmx from "htmx.org";
import { token } from "./net";
import { text } from "./texts";
import { toast } from "./toasts";

function formOf(node: EventTarget | null): HTMLFormElement | null {
  return node instanceof Element ? node.closest<HTMLFormElement>("[data-composer] form:has([data-chips])") : null;
}

function refusal(file: File, limits: DOMStringMap, n: number): string {
  const ending = `.${file.name.split(".").pop()?.toLowerCase() ?? ""}`;
  if (!(limits["accept"] ?? "").split(",").includes(ending)) return text("fileType", { name: file.name });
  if (file.size > Number(limits["limitMb"]) * 1024 * 1024) return text("fileSize", { name: file.name, mb: limits["limitMb"] ?? "" });
  return n >= Number(limits["limitN"]) ? text("fileMany", { n: limits["limitN"] ?? "" }) : "";
}

/** What is pasted has no name of its own. */
function named(file: File): File {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const at = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
  return new File([file], `${text("screenshot")}-${at}.${file.name.split(".").pop()}`, { type: file.type });
}

function take(form: HTMLFormElement, files: Iterable<File>): void {
  const chips = form.querySelector<HTMLElement>("[data-chips]");
  const about = form.closest<HTMLElement>("[data-composer]")?.dataset;
  if (!chips || !about) return;
  for (const file of files) {
    const wrong = refusal(file, about, chips.childElementCount);
    if (wrong !== "") toast(wrong, "", "error");
    else send(form, chips, about["attachUrl"] ?? "", named(file));
  }
}

function send(form: HTMLFormElement, chips: HTMLElement, url: string, file: File): void {
  const chip = chips.appendChild(document.createElement("li"));
  chip.className = "jy-filechip";
  chip.dataset["uploading"] = "";
  const name = chip.appendChild(document.createElement("span"));
  name.className = "jy-filename";
  name.textContent = file.name;
  const bar = chip.appendChild(document.createElement("progress"));
  bar.max = 1;
  const request = new XMLHttpRequest();
  request.upload.onprogress = (event) => (bar.value = event.loaded / event.total);
  request.onload = () => finish(chip, request);
  request.onerror = () => fail(chip, text("offline"), "");
  const data = new FormData();
  data.append("files", file);
  data.append("kind", form.dataset["kind"] ?? "");
  data.append("last_seen", form.querySelector<HTMLInputElement>("[name=last_seen]")?.value ?? "0");
  request.open("POST", url);
  request.setRequestHeader("X-CSRFToken", token());
  request.setRequestHeader("HX-Request", "true");
  request.send(data);
}

function finish(chip: HTMLElement, request: XMLHttpRequest): void {
  if (request.status !== 200) return fail(chip, text("notAttached"), new DOMParser().parseFromString(request.responseText, "text/html").body.textContent?.trim() ?? "");
  const made = new DOMParser().parseFromString(request.responseText, "text/html").body.firstElementChild;
  if (made === null) return fail(chip, text("notAttached"), "");
  chip.replaceWith(made);
  htmx.process(made);
}

function fail(chip: HTMLElement, why: string, detail: string): void {
  toast(why, detail, "error");
  chip.remove();
}

/** A message must not leave without what is still on its way. */
function wait(event: SubmitEvent): void {
  if (formOf(event.target)?.querySelector("[data-uploading]") == null) return;
  event.preventDefault();
  event.stopPropagation();
  toast(text("stillUploading"), "", "info");
}

function dropped(event: DragEvent): void {
  const form = formOf(event.target) ?? document.querySelector<HTMLFormElement>("[data-composer] form:not([hidden]):has([data-chips])");
  if (form === null || !(event.target as Element).closest?.("#ticket") || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  form.closest("[data-composer]")?.classList.toggle("is-dropping", event.type === "dragover");
  if (event.type === "drop") take(form, event.dataTransfer.files);
}

export function startAttach(): void {
  document.addEventListener("paste", (event) => {
    const form = formOf(event.target);
    if (form === null || !event.clipboardData?.files.length) return;
    event.preventDefault();
    take(form, event.clipboardData.files);
  });
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !input.matches("[data-attach]") || input.form === null) return;
    take(input.form, [...(input.files ?? [])]);
    input.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"] as const) document.addEventListener(name, dropped);
  document.addEventListener("submit", wait, { capture: true });
}
