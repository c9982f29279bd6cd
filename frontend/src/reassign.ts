/** Reassigning by drag on the supervision page: a row [data-drag] (address of its transfer form, data-holder) is dropped on an
 *  agent's card [data-drop]; the form opens with that agent chosen, and the server says whether they may hold it. */
import htmx from "htmx.org";

let dragged: HTMLElement | null = null;

/** The card under the pointer, unless the ticket is that agent's already. */
function cardOf(event: DragEvent): HTMLElement | null {
  const card = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-drop]") : null;
  return dragged !== null && card?.dataset["drop"] !== dragged.dataset["holder"] ? card : null;
}

function light(card: HTMLElement | null): void {
  for (const old of document.querySelectorAll(".jy-agent.is-over")) if (old !== card) old.classList.remove("is-over");
  card?.classList.add("is-over");
}

function begun(event: DragEvent): void {
  const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-drag]") : null;
  if (row === null || event.dataTransfer === null) return;
  dragged = row;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", row.querySelector("a[data-open]")?.textContent ?? "");
  event.dataTransfer.setDragImage(row, 16, 16);
  row.classList.add("is-dragged");
  document.querySelector(`[data-drop="${CSS.escape(row.dataset["holder"] ?? "")}"]`)?.classList.add("is-holder");
  document.documentElement.dataset["dragging"] = ""; // live lists wait: nothing moves under the pointer
}

function over(event: DragEvent): void {
  if (dragged === null) return;
  const card = cardOf(event);
  light(card);
  if (card === null) return;
  event.preventDefault();
  if (event.dataTransfer) event.dataTransfer.dropEffect = "move";
}

function dropped(event: DragEvent): void {
  const card = cardOf(event);
  const url = dragged?.dataset["drag"];
  if (card === null || url === undefined) return;
  event.preventDefault();
  void htmx.ajax("GET", `${url}&to=person:${card.dataset["drop"] ?? ""}`, { target: "#d-verb-body", swap: "innerHTML" });
}

function ended(): void {
  if (dragged === null) return;
  dragged.classList.remove("is-dragged");
  dragged = null;
  light(null);
  document.querySelector(".jy-agent.is-holder")?.classList.remove("is-holder");
  delete document.documentElement.dataset["dragging"];
}

export function startReassign(): void {
  document.addEventListener("dragstart", begun);
  document.addEventListener("dragover", over);
  document.addEventListener("drop", dropped);
  document.addEventListener("dragend", ended);
}
