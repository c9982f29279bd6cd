/** The corner of notices keeps clear of the work: it goes to the top while a chosen or focused row, or a field, lies beneath it. */

const WORK = "[data-row], .jy-composer, tr, label, input, textarea, select, button, a";

function inWork(): Element[] {
  const active = document.activeElement?.closest("main")?.contains(document.activeElement) ? document.activeElement.closest(WORK) : null;
  const rows = document.querySelectorAll("main .is-selected, main [data-row][aria-current], main .jy-composer");
  return active === null || active === undefined ? [...rows] : [active, ...rows];
}

function meets(one: DOMRect, other: DOMRect): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/** Measured at the foot; where that is in the way of the work, the top is taken unless it is as well. */
function place(corner: HTMLElement): void {
  const work = inWork().map((node) => node.getBoundingClientRect());
  const clear = (): boolean => !work.some((rect) => meets(rect, corner.getBoundingClientRect()));
  delete corner.dataset["at"];
  if (clear()) return;
  corner.dataset["at"] = "top";
  if (!clear()) delete corner.dataset["at"];
}

export function startCorner(): void {
  const corner = document.querySelector<HTMLElement>(".jy-corner");
  if (corner === null) return;
  let asked = 0;
  const soon = (): void => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      place(corner);
    });
  };
  for (const name of ["focusin", "htmx:after:swap", "jy:row", "toggle"]) document.addEventListener(name, soon, { capture: true });
  for (const name of ["scroll", "resize"]) addEventListener(name, soon, { capture: true, passive: true });
  soon();
}
