/** The page around the frame: told how large we want to be, asked where the visitor is, our memory where we may have none. */
import { config } from "./texts";

const place = `jiying-chat:${config.here}`;
export const isFramed = window.parent !== window;

/** Only pages that may frame us get to hear it: the policy of frame-ancestors says which. */
export function tell(wish: Record<string, unknown>): void {
  if (isFramed) window.parent.postMessage(wish, "*");
}

/** The chat of this browser: in our own storage; where that is closed to frames, in the page's. */
export function remembered(): string {
  const given = decodeURIComponent(location.hash.slice(1));
  if (given !== "") history.replaceState(null, "", location.pathname + location.search);
  try {
    return localStorage.getItem(place) || given;
  } catch {
    return given;
  }
}

export function remember(token: string): void {
  try {
    if (token === "") localStorage.removeItem(place);
    else return localStorage.setItem(place, token);
  } catch {
    // the browser gives frames no storage
  }
  tell({ jiying: "keep", token });
}

/** Where the visitor is: the page around us says so, else it stays unknown. */
export function hostPage(): Promise<{ url: string; title: string }> {
  if (!isFramed) return Promise.resolve({ url: "", title: "" });
  return new Promise((resolve) => {
    const done = (url: unknown, title: unknown): void => {
      removeEventListener("message", hear);
      resolve({ url: typeof url === "string" ? url.slice(0, 500) : "", title: typeof title === "string" ? title.slice(0, 200) : "" });
    };
    const hear = (event: MessageEvent<{ jiying?: string; url?: unknown; title?: unknown } | null>): void => {
      if (event.source === window.parent && event.data?.jiying === "page") done(event.data.url, event.data.title);
    };
    addEventListener("message", hear);
    setTimeout(() => done("", ""), 400);
    tell({ jiying: "page" });
  });
}
