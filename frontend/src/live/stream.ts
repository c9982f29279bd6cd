/** One connection to `/live`, read with fetch so that status, Date, heartbeat and Last-Event-ID are all in our hands. */
import { readHeaderTime } from "../servertime";

export interface Doorbell { topics: string[]; subject: string; kind: string; position: number }
export interface StreamEvents {
  onDoorbell(bell: Doorbell): void;
  /** Called when the line is up; `gapS` is how long it was down (0 at first). */
  onUp(gapS: number): void;
  onDown(): void;
  /** The server said that we may not listen (signed out, no right): no further attempt is made. */
  onRefused(status: number): void;
}

const SILENCE_MS = 60_000; // the server's heartbeat comes far more often; longer silence means a dead line
const BACKOFF_MS = { first: 500, most: 30_000 };

export class Stream {
  private abort: AbortController | undefined;
  private stopped = false;
  private failures = 0;
  private downSince = 0;
  private lastId = "";

  constructor(private readonly url: string, private readonly events: StreamEvents, since: string, private readonly more: Record<string, string> = {}) {
    this.lastId = since;
  }

  get position(): string {
    return this.lastId;
  }

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.abort?.abort();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.once();
      } catch (error) {
        if (!this.stopped) console.info("live: line is down", error);
      }
      if (this.stopped) return;
      if (this.downSince === 0) this.downSince = Date.now();
      this.events.onDown();
      await pause(this.delay());
    }
  }

  /** Doubling with jitter: 200 browsers must not come back in the same second after a restart. */
  private delay(): number {
    const top = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(this.failures++, 10));
    return top * (0.5 + Math.random() / 2);
  }

  private async once(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    let watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream", ...this.more };
      if (this.lastId) headers["Last-Event-ID"] = this.lastId;
      const answer = await fetch(this.url, { headers, signal: abort.signal, cache: "no-store", redirect: "error" });
      readHeaderTime(answer.headers);
      if (answer.status === 401 || answer.status === 403) return this.refused(answer.status);
      if (!answer.ok || answer.body === null) throw new Error(`live: status ${answer.status}`);
      this.up();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
        rest = this.take(rest + value);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  private refused(status: number): void {
    this.stopped = true;
    this.events.onRefused(status);
  }

  private up(): void {
    const gapS = this.downSince === 0 ? 0 : (Date.now() - this.downSince) / 1000;
    this.failures = 0;
    this.downSince = 0;
    this.events.onUp(gapS);
  }

  /** Handles all whole messages in `text` and gives back the unfinished rest. */
  private take(text: string): string {
    const parts = text.replaceAll("\r\n", "\n").split("\n\n");
    const rest = parts.pop() ?? "";
    for (const part of parts) this.message(part);
    return rest;
  }

  private message(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
    }
    const id = fields.get("id");
    if (id) this.lastId = id;
    if (fields.get("event") === "resync") this.events.onUp(Number.POSITIVE_INFINITY);
    if (fields.get("event") !== "doorbell") return;
    this.events.onDoorbell(JSON.parse(fields.get("data") ?? "{}") as Doorbell);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}
