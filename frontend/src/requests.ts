/** What every htmx request of ours has in common: CSRF token, confirmation, calm errors, sign-in when the session ended. */
import { ask } from "./dialogs";
import { readHeaderTime } from "./servertime";
import { text } from "./texts";
import { toast } from "./toasts";

interface RequestContext {
  target?: Element;
  request: { headers: Record<string, string> };
  response?: { raw: Response; status: number; headers: Headers };
  sourceElement?: Element;
  hx?: { retarget?: string };
  swap?: string;
  confirm?: string;
}
type RequestEvent = CustomEvent<{ ctx: RequestContext; issueRequest?: () => void; dropRequest?: () => void }>;

function addToken(event: Event): void {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  if (token) (event as RequestEvent).detail.ctx.request.headers["X-CSRFToken"] = token;
}

function confirmFirst(event: Event): void {
  const { ctx, issueRequest, dropRequest } = (event as RequestEvent).detail;
  if (!ctx.confirm) return;
  event.preventDefault();
  void ask(ctx.confirm, ctx.sourceElement).then((yes) => (yes ? issueRequest?.() : dropRequest?.()));
}

/** A fragment request that ended on the sign-in page means that the session is over: go there as a whole page. */
function leaveWhenSignedOut(event: Event): void {
  const answer = (event as RequestEvent).detail.ctx.response;
  if (answer === undefined) return;
  readHeaderTime(answer.headers);
  const signIn = document.body.dataset["signIn"];
  const landed = answer.raw.redirected && signIn !== undefined && new URL(answer.raw.url).pathname === signIn;
  if (!landed && answer.status !== 401) return;
  event.preventDefault();
  if (signIn) location.assign(`${signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** What the answer is for may have been brought anew meanwhile by another answer: the one that stands there now gets it,
 *  unless it belongs to another ticket. */
function followTarget(event: Event): void {
  const { ctx } = (event as RequestEvent).detail;
  const old = ctx.target;
  if (old === undefined || old.isConnected || old.id === "") return;
  const now = document.getElementById(old.id);
  if (now !== null && now.dataset["number"] === (old as HTMLElement).dataset["number"]) ctx.target = now;
}

/** A form's own faults (400, 422) are swapped in place, and so is what the server sends elsewhere; any other refusal must not
 *  put a whole error page into a fragment. */
function showRefusal(event: Event): void {
  const { ctx } = (event as RequestEvent).detail;
  const { response } = ctx;
  if (response === undefined || ctx.hx?.retarget || response.status === 422 || response.status === 400) return;
  ctx.swap = "none";
  if (ctx.sourceElement?.matches("[data-refresh]")) return; // nobody asked: the row stays as it was, the next ring tries again
  const fault = response.headers.get("X-Request-Id");
  const key = response.status === 403 ? "forbidden" : response.status === 404 ? "gone" : response.status === 409 ? "conflict" : "fault";
  toast(text(key), fault && response.status >= 500 ? text("faultId", { id: fault }) : "", "error");
}

function showNetworkFault(event: Event): void {
  if ((event as RequestEvent).detail.ctx.sourceElement?.matches("[data-refresh]")) return;
  toast(text("offline"), text("offlineKept"), "error");
}

export function startRequests(): void {
  document.addEventListener("htmx:config:request", addToken);
  document.addEventListener("htmx:confirm", confirmFirst);
  document.addEventListener("htmx:before:response", leaveWhenSignedOut);
  document.addEventListener("htmx:before:response", followTarget);
  document.addEventListener("htmx:response:error", showRefusal);
  document.addEventListener("htmx:error", showNetworkFault);
}
