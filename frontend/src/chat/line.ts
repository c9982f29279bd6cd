/** What goes to the server and comes from it: JSON by fetch with the chat's token in a header, doorbells by the stream. */
import type { Question } from "./rate";
import { Stream } from "../live/stream";
import type { Line } from "./talk";
import { config, text } from "./texts";

export interface State { number: string; state: "waiting" | "open" | "solved" | "ended"; agent: string; position: number; lines: Line[]; has_more: boolean; question: Question | null; token?: string }
type Sent = Record<string, unknown> | FormData;

export class Refused extends Error {
  constructor(readonly status: number, message: string, readonly code: string) {
    super(message);
  }
}

const AGAIN_MS = [600, 1500, 3000, 6000, 10_000, 15_000];
const PATIENCE = 3; // so often "too many" is waited for

async function answered(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string; errors?: { code: string }[] };
  throw new Refused(answer.status, problem.detail || text("fault"), problem.errors?.[0]?.code ?? "");
}

export async function call(token: string, path: string, body?: Sent, keepalive = false): Promise<Response> {
  const headers: Record<string, string> = token ? { "X-Chat-Token": token } : {};
  if (body !== undefined && !(body instanceof FormData)) headers["Content-Type"] = "application/json";
  const sent = body === undefined || body instanceof FormData ? body ?? null : JSON.stringify(body);
  const url = `${config.here}${path}${path.includes("?") ? "&" : "?"}lang=${encodeURIComponent(config.language)}`;
  return answered(await fetch(url, { method: body === undefined ? "GET" : "POST", headers, body: sent, keepalive, credentials: "omit", cache: "no-store" }));
}

/** Sends until it has arrived: the same key counts once, so that a repeat does no harm. Only a refusal ends it. */
export async function surely(token: string, path: string, body: Sent, onWait: () => void): Promise<State> {
  for (let n = 0; ; n++) {
    try {
      return (await (await call(token, path, body)).json()) as State;
    } catch (error) {
      const isFinal = error instanceof Refused && error.status < 500 && (error.status !== 429 || n >= PATIENCE);
      if (isFinal) throw error;
      onWait();
      await pause(AGAIN_MS[Math.min(n, AGAIN_MS.length - 1)] ?? 15_000);
    }
  }
}

export function listen(token: string, onBell: (kind: string) => void, onLine: (up: boolean) => void, onRefused: () => void): Stream {
  const events = { onDoorbell: (bell: { kind: string }) => onBell(bell.kind), onUp: () => onLine(true), onDown: () => onLine(false), onRefused };
  const stream = new Stream(config.live, events, "", { Authorization: `Chat ${token}` });
  stream.start();
  return stream;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms * (0.8 + Math.random() * 0.4)));
}
