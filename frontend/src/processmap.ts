/** The map of the process: rare paths hide by the slider; hovering or focusing a step or line leaves its neighbours bright. */

function show(map: HTMLElement, share: number): void {
  const out = map.querySelector<HTMLOutputElement>("[data-rare-out]");
  if (out !== null) out.value = `${share}%`;
  for (const part of map.querySelectorAll<SVGElement>("[data-level]")) part.toggleAttribute("hidden", Number(part.dataset["level"]) > share);
}

/** Rare paths hidden, and the paper moved so that the first step is in the middle of its height. */
function begin(map: HTMLElement): void {
  show(map, Number(map.dataset["share"]));
  const [paper, first] = [map.querySelector(".jy-mapscroll"), map.querySelector(".jy-box")];
  if (paper === null || first === null) return;
  const [outer, inner] = [paper.getBoundingClientRect(), first.getBoundingClientRect()];
  paper.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
}

function near(part: SVGElement, code: string | undefined, from: string | undefined, to: string | undefined): boolean {
  const { code: own, from: begins, to: ends } = part.dataset;
  if (code === undefined) return own === undefined ? begins === from && ends === to : own === from || own === to;
  return own === undefined ? begins === code || ends === code : own === code;
}

function look(map: HTMLElement, at: SVGElement | null): void {
  map.classList.toggle("is-looking", at !== null);
  if (at === null) return;
  const { code, from, to } = at.dataset;
  const lines = [...map.querySelectorAll<SVGElement>(".jy-edge")];
  const bright = new Set(lines.filter((line) => near(line, code, from, to)).flatMap((line) => [line.dataset["from"], line.dataset["to"]]));
  for (const part of map.querySelectorAll<SVGElement>(".jy-edge, .jy-box")) {
    const own = part.dataset["code"];
    part.classList.toggle("is-near", near(part, code, from, to) || (own !== undefined && bright.has(own)));
  }
}

function partAt(event: Event): [HTMLElement, SVGElement | null] | null {
  if (!(event.target instanceof Element)) return null;
  const map = event.target.closest<HTMLElement>("[data-map]");
  return map === null ? null : [map, event.target.closest<SVGElement>(".jy-edge, .jy-box")];
}

export function startProcessMap(): void {
  const all = (): void => document.querySelectorAll<HTMLElement>("[data-map]").forEach(begin);
  document.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches("[data-rare]")) {
      const map = event.target.closest<HTMLElement>("[data-map]");
      if (map !== null) show(map, Number(event.target.value));
    }
  });
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const found = partAt(event);
      if (found !== null) look(...found);
      else document.querySelectorAll(".jy-map.is-looking").forEach((map) => map.classList.remove("is-looking"));
    });
  }
  document.addEventListener("htmx:after:swap", all);
  all();
}
