/** Short notices made in the browser (server messages and alerts are rendered by the server into the same corner). */
import { text } from "./texts";

const STAY_MS = 6000;

export function toast(title: string, detail: string, level: "info" | "error"): void {
  const corner = document.getElementById("toasts");
  const pattern = document.getElementById("jy-notice") as HTMLTemplateElement | null;
  if (corner === null || pattern === null) return;
  const box = (pattern.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
  box.dataset["level"] = level;
  box.querySelector("[data-title]")!.textContent = title;
  box.querySelector("[data-detail]")!.textContent = detail;
  corner.append(box);
  if (level === "info") setTimeout(() => box.remove(), STAY_MS);
}

export function startNotices(): void {
  document.addEventListener("click", (event) => {
    (event.target as Element).closest("[data-close]")?.closest("[data-notice]")?.remove();
  });
  document.addEventListener("jy:saved", () => toast(text("saved"), "", "info"));
}
