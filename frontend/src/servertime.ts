/** The server's clock as the browser sees it. Pages carry the epoch in <meta name="server-now">; answers correct it later. */

let offsetMs = 0;
const DRIFT_MS = 2000; // the Date header has whole seconds: smaller differences tell nothing

/** Epoch milliseconds on the server's clock. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** Takes the instant at which the page's first byte came, not when the script ran: a slow download shifts nothing. */
export function readPageTime(): void {
  const sent = Number(document.querySelector<HTMLMetaElement>('meta[name="server-now"]')?.content);
  if (!sent) return;
  const entry = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  const fromCache = entry !== undefined && (entry.type === "back_forward" || (entry.transferSize === 0 && entry.decodedBodySize > 0));
  if (fromCache) return; // its epoch is old; the first answer of the server corrects us
  const arrived = performance.timeOrigin + (entry?.responseStart ?? performance.now());
  offsetMs = sent * 1000 - arrived;
}

/** Corrects the offset by the Date header of any answer, when it is off by more than that header's grain. */
export function readHeaderTime(headers: Headers): void {
  const sent = Date.parse(headers.get("Date") ?? "");
  if (Number.isNaN(sent)) return;
  const seen = sent + 500 - Date.now();
  if (Math.abs(seen - offsetMs) > DRIFT_MS) offsetMs = seen;
}
