/** One stream per browser: the tab that holds the Web Lock listens for all; the others tell it their topics and hear from it. */
import { Stream, type Doorbell } from "./stream";

type Note =
  | { type: "hello"; tab: string; topics: string[]; visible: boolean; position: string }
  | { type: "bye"; tab: string }
  | { type: "who" }
  | { type: "bell"; bell: Doorbell }
  | { type: "line"; up: boolean; gapS: number };

export interface TabsEvents { onDoorbell(bell: Doorbell): void; onLine(up: boolean, gapS: number): void }

const HELLO_MS = 20_000;
const FORGET_MS = 90_000; // background tabs are throttled to one timer a minute

export class Tabs {
  private readonly tab = Math.random().toString(36).slice(2);
  private readonly others = new Map<string, { topics: string[]; visible: boolean; seen: number }>();
  private readonly channel: BroadcastChannel;
  private stream: Stream | undefined;
  private url = "";
  private position = "";
  leader = false;

  constructor(private readonly base: string, who: string, private readonly ownTopics: () => string[], private readonly events: TabsEvents) {
    this.channel = new BroadcastChannel(`jy-live-${who}`); // per person: tabs left from another sign-in hear nothing
    this.channel.onmessage = (event: MessageEvent<Note>) => this.hear(event.data);
  }

  start(): void {
    this.say();
    setInterval(() => this.say(), HELLO_MS);
    document.addEventListener("visibilitychange", () => this.say());
    addEventListener("pagehide", () => this.channel.postMessage({ type: "bye", tab: this.tab } satisfies Note));
    if (navigator.locks) void navigator.locks.request(this.channel.name, () => this.lead());
    else this.leadWhileVisible();
  }

  /** True when some tab of this browser is on screen: then sound is enough and no system notification is needed. */
  anyVisible(): boolean {
    return !document.hidden || [...this.others.values()].some((other) => other.visible);
  }

  /** To be called when the page's topics may have changed. */
  say(): void {
    this.position = newer(this.stream?.position ?? "", this.position);
    const hello: Note = { type: "hello", tab: this.tab, topics: this.ownTopics(), visible: !document.hidden, position: this.position };
    this.channel.postMessage(hello);
    if (this.leader) this.listen();
  }

  private lead(): Promise<never> {
    this.leader = true;
    this.channel.postMessage({ type: "who" } satisfies Note);
    setTimeout(() => this.listen(), 50); // the other tabs answer first: one connection, not two
    return new Promise(() => undefined); // held until the tab is closed
  }

  /** Plain http on a foreign host has no Web Locks: only visible tabs listen, so that six connections do not run out. */
  private leadWhileVisible(): void {
    const follow = (): void => {
      this.leader = !document.hidden;
      if (this.leader) return this.listen();
      this.position = newer(this.stream?.position ?? "", this.position);
      this.stream?.stop();
      this.url = "";
    };
    document.addEventListener("visibilitychange", follow);
    follow();
  }

  private hear(note: Note): void {
    if (note.type === "bell") this.receive(note.bell);
    else if (note.type === "line") this.events.onLine(note.up, note.gapS);
    else if (note.type === "who") this.say();
    else if (note.type === "bye") this.others.delete(note.tab);
    else this.meet(note);
    if (this.leader && (note.type === "hello" || note.type === "bye")) this.listen();
  }

  /** Positions travel with greetings, so that a tab which must lead next knows where to go on. */
  private meet(note: Extract<Note, { type: "hello" }>): void {
    const isNew = !this.others.has(note.tab);
    this.others.set(note.tab, { topics: note.topics, visible: note.visible, seen: Date.now() });
    this.position = newer(note.position, this.position);
    if (isNew) this.say();
  }

  private receive(bell: Doorbell): void {
    this.position = newer(String(bell.position), this.position);
    this.events.onDoorbell(bell);
  }

  private listen(): void {
    for (const [tab, other] of this.others) if (Date.now() - other.seen > FORGET_MS) this.others.delete(tab);
    const topics = new Set([...this.ownTopics(), ...[...this.others.values()].flatMap((other) => other.topics)]);
    const url = `${this.base}?topics=${[...topics].sort().map(encodeURIComponent).join(",")}`;
    if (url === this.url || topics.size === 0) return;
    this.url = url;
    this.position = newer(this.stream?.position ?? "", this.position);
    this.stream?.stop();
    this.stream = new Stream(url, {
      onDoorbell: (bell) => {
        this.channel.postMessage({ type: "bell", bell } satisfies Note);
        this.receive(bell);
      },
      onUp: (gapS) => this.line(true, gapS),
      onDown: () => this.line(false, 0),
      onRefused: () => this.line(false, 0),
    }, this.position);
    this.stream.start();
  }

  private line(up: boolean, gapS: number): void {
    this.channel.postMessage({ type: "line", up, gapS: Number.isFinite(gapS) ? gapS : 1e9 } satisfies Note);
    this.events.onLine(up, gapS);
  }
}

function newer(one: string, other: string): string {
  return Number(one) > Number(other) ? one : other;
}
