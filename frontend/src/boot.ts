/** Runs before the first paint: sets theme and rail from what was stored, so that nothing flashes. Classic script, no imports. */
const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off in this browser: the defaults hold
  }
}

function applyTheme(): void {
  const wish = stored("jy-theme") ?? "auto";
  root.dataset["theme"] = wish;
  root.dataset["bsTheme"] = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
}

applyTheme();
if (stored("jy-rail") === "small") root.dataset["rail"] = "small";
dark.addEventListener("change", applyTheme);
addEventListener("storage", applyTheme);
addEventListener("jy:theme", applyTheme);
