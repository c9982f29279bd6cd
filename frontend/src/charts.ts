/** Charts beside the tables that hold their numbers: <figure data-chart="id of a JSON script">, drawn by ECharts in the theme's colours.
 *  Loaded only where a page has one. The JSON says kind (bars, parts, pareto, trend, scatter), categories, and series of numbers with their unit; `urls` is what
 *  a click on a point opens. */
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

interface Series { name: string; values: (number | null)[]; target?: number | null; role?: "value" | "moving" | "limit" | "x" }
interface Drawn {
  kind: "bars" | "parts" | "pareto" | "trend" | "scatter"; unit: string; categories: string[]; series: Series[]; target: string;
  unit_x?: string; marks?: string[]; urls?: string[];
}

const HUES = ["blue", "green", "amber", "orange", "purple", "red"];
const AXES = { bars: 64, pareto: 110 }; // pixels beside the columns: numbers of one axis or of both, and the margins
const TILTED = 92; // pixels of a name that stands aslant
const shown = new Map<HTMLElement, { chart: echarts.ECharts; data: Drawn }>();

/** ECharts knows no oklch() and no light-dark(): a pixel of the colour tells it in numbers. */
function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (context === null) return "#888";
  context.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function series(data: Drawn): object[] {
  return data.series.map((one, n) => {
    const isLine = data.kind === "pareto" && n > 0;
    const mark = one.target ? { symbol: "none", lineStyle: { type: "dashed" }, label: { formatter: `${data.target} ${one.target}%`, position: n % 2 === 0 ? "insideEndTop" : "insideStartBottom", fontSize: 10, color: colour("--tblr-secondary-color"), textBorderWidth: 0 }, data: [{ yAxis: one.target }] } : undefined;
    return {
      name: one.name, data: one.values, type: isLine ? "line" : "bar", barMaxWidth: 34,
      ...(data.kind === "parts" ? { stack: "all" } : {}), ...(isLine ? { yAxisIndex: 1 } : {}), ...(mark ? { markLine: mark } : {}),
    };
  });
}

/** Points with their limits as steps around them; one beyond is a great diamond, not only another colour. */
function trend(data: Drawn): object[] {
  const hues = { bad: colour("--jy-red-ink"), good: colour("--jy-green-ink") };
  const quiet = colour("--tblr-tertiary-color");
  return data.series.map((one) => {
    if (one.role === "limit") return { name: one.name, data: one.values, type: "line", step: "middle", symbol: "none", lineStyle: { type: "dashed", width: 1, color: quiet }, itemStyle: { color: quiet } };
    if (one.role === "moving") return { name: one.name, data: one.values, type: "line", symbol: "none", lineStyle: { width: 2 }, itemStyle: { color: colour("--jy-amber-ink") } };
    const points = one.values.map((value, n) => {
      const mark = data.marks?.[n];
      return mark === "bad" || mark === "good" ? { value, symbol: "diamond", symbolSize: 12, itemStyle: { color: hues[mark] } } : { value };
    });
    return { name: one.name, data: points, type: "line", symbol: "circle", showAllSymbol: true, symbolSize: 5, lineStyle: { width: 1.5 }, itemStyle: { color: colour("--jy-blue-ink") }, cursor: "pointer", z: 3 };
  });
}

function scatter(data: Drawn): object[] {
  const [xs, ys] = data.series;
  const points = (xs?.values ?? []).map((x, n) => [x, ys?.values[n] ?? null]);
  return [{ type: "scatter", symbolSize: 8, data: points, itemStyle: { color: colour("--jy-blue-ink"), opacity: 0.75 } }];
}

/** Figures along both axes; the day stands in the tooltip. */
function scattered(data: Drawn, about: object, axis: object): echarts.EChartsCoreOption {
  const [xs, ys] = data.series;
  const say = (point: { dataIndex: number }): string => {
    const n = point.dataIndex;
    return [data.categories[n], `${xs?.name}: ${xs?.values[n]}${data.unit_x}`, `${ys?.name}: ${ys?.values[n]}${data.unit}`].map((text) => echarts.format.encodeHTML(text ?? "")).join("<br>");
  };
  const ink = colour("--tblr-secondary-color");
  const named = { nameTextStyle: { color: ink, align: "left" }, scale: true };
  return {
    ...about, legend: { show: false }, grid: { left: 8, right: 16, top: 32, bottom: 28, containLabel: true },
    tooltip: { ...(about as { tooltip: object }).tooltip, trigger: "item", formatter: say },
    xAxis: { ...axis, ...named, name: xs?.name, nameLocation: "middle", nameTextStyle: { color: ink }, nameGap: 26, max: undefined, axisLabel: { color: ink, formatter: `{value}${data.unit_x}` } },
    yAxis: { ...axis, ...named, name: ys?.name, nameLocation: "end", nameGap: 10, max: undefined },
    series: scatter(data),
  };
}

/** Names below columns are broken between words, or between Chinese characters, where a column is narrower than they are; they stand aslant where a
 *  word alone is wider. So none has to be left out. */
function below(data: Drawn, width: number): object {
  if (data.kind !== "bars" && data.kind !== "pareto") return {};
  const room = (width - AXES[data.kind]) / Math.max(1, data.categories.length) - 4;
  const context = document.createElement("canvas").getContext("2d");
  if (context === null) return {};
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const words = data.categories.flatMap((name) => name.split(/\s+|(?=[\u3000-\u9fff])/u));
  const widest = Math.max(0, ...words.map((word) => context.measureText(word).width));
  return widest <= room ? { overflow: "break", width: room } : { rotate: 45, overflow: "truncate", width: TILTED };
}

function option(data: Drawn, width: number): echarts.EChartsCoreOption {
  const ink = colour("--tblr-secondary-color");
  const line = { lineStyle: { color: colour("--tblr-border-color") } };
  const names = { type: "category", data: data.categories, axisLabel: { color: ink, interval: data.kind === "trend" ? "auto" : 0, hideOverlap: true, ...below(data, width) }, axisLine: line, axisTick: { show: false } };
  const figures = { type: "value", axisLabel: { color: ink, formatter: `{value}${data.unit}` }, splitLine: line, ...(data.kind === "trend" ? { scale: true } : data.unit === "%" ? { max: 100 } : {}) };
  const share = { type: "value", min: 0, max: 100, axisLabel: { color: ink, formatter: "{value}%" }, splitLine: { show: false } };
  const flat = data.kind === "parts";
  const about = {
    color: HUES.map((hue) => colour(`--jy-${hue}-ink`)),
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    legend: { type: "scroll", bottom: 0, pageIconColor: ink, pageIconInactiveColor: line.lineStyle.color, pageTextStyle: { color: ink }, textStyle: { color: ink }, itemWidth: 14, itemHeight: 10 },
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, confine: true, backgroundColor: colour("--jy-surface"), borderColor: colour("--tblr-border-color"), textStyle: { color: colour("--tblr-body-color") } },
    grid: { left: 8, right: 16, top: 16, bottom: 40, containLabel: true },
  };
  if (data.kind === "scatter") return scattered(data, about, figures);
  return {
    ...about,
    xAxis: flat ? figures : names,
    yAxis: flat ? { ...names, inverse: true } : data.kind === "pareto" ? [figures, share] : figures,
    series: data.kind === "trend" ? trend(data) : series(data),
  };
}

function draw(node: HTMLElement): void {
  const source = document.getElementById(node.dataset["chart"] ?? "");
  if (source === null) return;
  shown.get(node)?.chart.dispose();
  const chart = echarts.init(node, null, { renderer: "svg" });
  const data = JSON.parse(source.textContent ?? "{}") as Drawn;
  chart.setOption(option(data, chart.getWidth()));
  chart.on("click", (point) => {
    const url = data.urls?.[point.dataIndex ?? -1];
    if (url) location.assign(url);
  });
  shown.set(node, { chart, data });
}

function drawAll(): void {
  for (const node of document.querySelectorAll<HTMLElement>("[data-chart]")) draw(node);
}

export function startCharts(): void {
  drawAll();
  new ResizeObserver(() => {
    for (const { chart, data } of shown.values()) {
      chart.resize();
      chart.setOption({ xAxis: option(data, chart.getWidth())["xAxis"] });
    }
  }).observe(document.body);
  addEventListener("jy:theme", () => requestAnimationFrame(drawAll));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}
