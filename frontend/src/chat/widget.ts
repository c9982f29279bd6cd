/** The script of other people's pages: one frame on our origin, which says how large it wants to be. Keeps no cookie.
 *  <script src="https://desk.example/static/dist/widget.js" data-key="site" async></script> */

export {};

interface Wish { jiying: "size" | "keep" | "page"; open?: boolean; token?: string }

const script = document.currentScript as HTMLScriptElement | null;
const key = script?.dataset["key"] ?? "";
const origin = script ? new URL(script.src).origin : "";
const place = `jiying-chat-${key}`;

function kept(): string {
  try {
    return localStorage.getItem(place) ?? "";
  } catch {
    return "";
  }
}

function keep(token: string): void {
  try {
    if (token === "") localStorage.removeItem(place);
    else localStorage.setItem(place, token);
  } catch {
    // a page that may keep nothing: the chat lives as long as the page
  }
}

function shape(frame: HTMLIFrameElement, open: boolean): void {
  const whole = "inset:0;width:100%;height:100%";
  const panel = "right:16px;bottom:16px;width:min(400px,calc(100vw - 32px));height:min(640px,calc(100vh - 32px))";
  const button = "right:12px;bottom:12px;width:84px;height:84px";
  const size = open ? (innerWidth < 520 ? whole : panel) : button;
  frame.style.cssText = `position:fixed;border:0;z-index:2147483000;background:transparent;color-scheme:light;${size}`;
}

function start(): void {
  if (key === "" || document.getElementById(place) !== null) return;
  const language = script?.dataset["lang"] ?? document.documentElement.lang;
  const frame = document.createElement("iframe");
  const token = kept();
  let isOpen = false;
  frame.id = place;
  frame.title = script?.dataset["title"] ?? "Chat";
  frame.src = `${origin}/chat/${encodeURIComponent(key)}/?frame=1&lang=${encodeURIComponent(language)}${token ? `#${token}` : ""}`;
  shape(frame, isOpen);
  addEventListener("message", (event: MessageEvent<Wish | null>) => {
    if (event.origin !== origin || event.source !== frame.contentWindow || !event.data) return;
    if (event.data.jiying === "size") shape(frame, (isOpen = event.data.open === true));
    if (event.data.jiying === "keep") keep(String(event.data.token ?? ""));
    if (event.data.jiying === "page") frame.contentWindow?.postMessage({ jiying: "page", url: location.href, title: document.title }, origin);
  });
  addEventListener("resize", () => shape(frame, isOpen));
  document.body.append(frame);
}

if (document.body) start();
else addEventListener("DOMContentLoaded", start);
