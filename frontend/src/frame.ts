/** The frame's switches: rail, theme and sound, each kept in this browser. */

function setTheme(wish: string): void {
  localStorage.setItem("jy-theme", wish);
  dispatchEvent(new Event("jy:theme")); // boot.ts applies it, here and in the other tabs
  showChoice();
}

function showChoice(): void {
  const wish = localStorage.getItem("jy-theme") ?? "auto";
  for (const button of document.querySelectorAll<HTMLElement>("[data-set-theme]")) button.setAttribute("aria-pressed", String(button.dataset["setTheme"] === wish));
  const sound = localStorage.getItem("jy-sound") !== "off";
  for (const button of document.querySelectorAll("[data-toggle-sound]")) button.setAttribute("aria-pressed", String(sound));
  const small = document.documentElement.dataset["rail"] === "small";
  for (const button of document.querySelectorAll("[data-toggle-rail]")) button.setAttribute("aria-expanded", String(!small));
}

function toggleRail(): void {
  const root = document.documentElement;
  const small = root.dataset["rail"] !== "small";
  if (small) root.dataset["rail"] = "small";
  else delete root.dataset["rail"];
  localStorage.setItem("jy-rail", small ? "small" : "full");
  showChoice();
}

function toggleSound(): void {
  localStorage.setItem("jy-sound", localStorage.getItem("jy-sound") === "off" ? "on" : "off");
  showChoice();
}

function toggleFullScreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen();
}

/** What scrolls can be reached and scrolled by keyboard too. */
function reachScrollers(): void {
  for (const node of document.querySelectorAll<HTMLElement>(".jy-scroll, .jy-wallgrid")) {
    if (node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
  }
}

export function startFrame(): void {
  showChoice();
  reachScrollers();
  addEventListener("resize", reachScrollers);
  document.addEventListener("htmx:after:swap", reachScrollers);
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const theme = target.closest<HTMLElement>("[data-set-theme]");
    if (theme !== null) setTheme(theme.dataset["setTheme"] ?? "auto");
    if (target.closest("[data-toggle-rail]")) toggleRail();
    if (target.closest("[data-toggle-sound]")) toggleSound();
    if (target.closest("[data-fullscreen]")) toggleFullScreen();
    if (target.closest("[data-reload]")) location.reload();
    if (target.closest("[data-back]")) history.back();
  });
  document.addEventListener("change", (event) => {
    const field = event.target as HTMLElement;
    if (field.matches("select[data-submit], input[data-submit]")) (field as HTMLSelectElement).form?.requestSubmit();
  });
}
