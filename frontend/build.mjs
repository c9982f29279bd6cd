// Builds styles, icons and islands into jiying/base/static/dist (never committed). Usage: node build.mjs [--watch]
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { PurgeCSS } from "purgecss";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "jiying", "base", "static", "dist");
const watch = process.argv.includes("--watch");
const BUDGET = 150_000; // bytes of packed script and style that every page may cost

// The browsers that know light-dark(), popover and text-wrap: nothing is lowered, so nothing grows.
const browsers = ["chrome123", "edge123", "firefox125", "safari17.5"];
const common = { bundle: true, minify: !watch, sourcemap: watch, outdir: dist, target: browsers, legalComments: "none", absWorkingDir: here };

const scripts = { ...common, entryPoints: { app: "src/app.ts" }, format: "esm", splitting: true, chunkNames: "[name]-[hash]", metafile: true };
const boot = { ...common, entryPoints: { boot: "src/boot.ts" }, format: "iife" };
// What visitors on other people's sites load: by themselves, small, apart from all pages of the house.
const guest = { ...common, entryPoints: { chat: "src/chat/chat.ts", form: "src/chat/form.ts" }, format: "esm" };
const widget = { ...common, entryPoints: { widget: "src/chat/widget.ts" }, format: "iife" };
const guestStyles = { ...common, entryPoints: { chat: "src/chat/chat.css" } };
const styles = { ...common, entryPoints: { app: "src/theme/index.css" }, loader: { ".svg": "dataurl" } };

/** One <symbol> per icon of icons.json; stroke and fill come from the class `icon` of the page. */
async function writeIcons() {
  const names = JSON.parse(await readFile(join(here, "icons.json"), "utf8"));
  const symbols = await Promise.all(names.map(async (name) => {
    const svg = await readFile(join(here, "node_modules/@tabler/icons/icons/outline", `${name}.svg`), "utf8");
    const paths = svg.replace(/^[\s\S]*?<svg[\s\S]*?>/, "").replace("</svg>", "").replace(/<path stroke="none"[^>]*\/>/, "");
    return `<symbol id="${name}" viewBox="0 0 24 24">${paths.replace(/\s*\n\s*/g, "")}</symbol>`;
  }));
  await writeFile(join(dist, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
  await writeFile(join(dist, "favicon.svg"), await readFile(join(here, "src", "favicon.svg")));
}

/** An island that imports CSS would overwrite app.css without a word: its styles belong in an entry of their own. */
function refuseClash(metafile) {
  if (Object.keys(metafile.outputs).some((path) => path.endsWith("/app.css"))) throw new Error("app.ts must not import CSS: it would overwrite app.css");
}

/** Drops Tabler's rules for what no page of ours names: a class counts as used where its whole name stands in a template, in Python
 *  or in an island. Ours all stay: their names may be put together from data. */
async function trimStyles() {
  const path = join(dist, "app.css");
  const places = ["jiying/**/*.html", "jiying/**/*.py", "frontend/src/**/*.ts"].map((place) => join(here, "..", place));
  const [trimmed] = await new PurgeCSS().purge({
    css: [{ raw: await readFile(path, "utf8") }],
    content: places,
    defaultExtractor: (text) => text.match(/[A-Za-z0-9_-]+/g) ?? [],
    safelist: { greedy: [/jy-/, /\bis-/, /\bhue-/, /\bdata-/] },
    dynamicAttributes: ["data-bs-theme", "aria-current", "aria-selected", "aria-pressed", "open", "popover", "type"],
    variables: true, keyframes: true, fontFace: true,
  });
  await writeFile(path, trimmed.css);
}

async function report() {
  const sizes = await Promise.all(["boot.js", "app.js", "app.css", "icons.svg"].map(async (name) => [name, await readFile(join(dist, name))]));
  const packed = new Map(sizes.map(([name, data]) => [name, gzipSync(data, { level: 9 }).length]));
  for (const [name, data] of sizes) console.log(`${name.padEnd(10)} ${String(data.length).padStart(8)} B  ${String(packed.get(name)).padStart(7)} B gzip`);
  const weight = packed.get("boot.js") + packed.get("app.js") + packed.get("app.css");
  if (weight > BUDGET) throw new Error(`Script and style of every page weigh ${weight} B packed, more than ${BUDGET} B: take something out or load it where it is used`);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writeIcons();
if (watch) {
  await Promise.all([scripts, boot, styles, guest, widget, guestStyles].map(async (options) => (await esbuild.context(options)).watch()));
} else {
  const [result] = await Promise.all([scripts, boot, styles, guest, widget, guestStyles].map((options) => esbuild.build(options)));
  refuseClash(result.metafile);
  await trimStyles();
  await report();
}
