/** Alerts on screen: pop-ups come as the fragment #popups; from it sound, notification, bell and page title follow. */
import { text } from "../texts";
import { titleCount } from "../title";

const announced = new Set<string>();
let audio: AudioContext | undefined;

interface Place { leader: boolean; anyVisible(): boolean }

/** Two short tones, higher for a breach; made here, so that no file is fetched and no codec matters. */
function beep(urgent: boolean): void {
  audio ??= new AudioContext();
  if (audio.state === "suspended") return; // the browser allows sound only after the first click or key
  const start = audio.currentTime + 0.02;
  for (const [index, tone] of (urgent ? [880, 1175, 880] : [660, 880]).entries()) {
    const gain = audio.createGain();
    const voice = audio.createOscillator();
    const at = start + index * 0.16;
    voice.frequency.value = tone;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.18, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.14);
    voice.connect(gain).connect(audio.destination);
    voice.start(at);
    voice.stop(at + 0.15);
  }
}

function notify(toast: HTMLElement): void {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const shown = new Notification(toast.dataset["title"] ?? document.title, {
    body: toast.dataset["body"] ?? "", tag: toast.dataset["alert"] ?? "", icon: document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href ?? "",
  });
  shown.onclick = () => {
    window.focus();
    toast.querySelector<HTMLAnchorElement>("a[href]")?.click();
    shown.close();
  };
}

function soundOn(): boolean {
  return localStorage.getItem("jy-sound") !== "off";
}

function announce(toasts: HTMLElement, place: Place): void {
  const fresh = [...toasts.querySelectorAll<HTMLElement>("[data-alert]")].filter((toast) => !announced.has(toast.dataset["alert"] ?? ""));
  for (const toast of fresh) announced.add(toast.dataset["alert"] ?? "");
  if (fresh.length === 0 || !place.leader) return;
  const urgent = fresh.some((toast) => toast.dataset["level"] === "breached");
  if (soundOn() && fresh.some((toast) => toast.hasAttribute("data-sound"))) beep(urgent);
  if (!place.anyVisible()) fresh.slice(0, 3).forEach(notify);
}

/** The fragment's `data-n` is the number of open alerts: bell and title repeat it. */
function count(toasts: HTMLElement): void {
  const n = Number(toasts.dataset["n"] ?? 0);
  titleCount(n);
  for (const badge of document.querySelectorAll<HTMLElement>("[data-alerts-n]")) {
    badge.textContent = n > 99 ? "99+" : String(n);
    badge.hidden = n === 0;
    badge.closest("a, button")?.setAttribute("aria-label", text("alerts", { n }));
  }
}

export function startAlerts(place: Place): void {
  const read = (): void => {
    const toasts = document.getElementById("popups");
    if (toasts === null) return;
    count(toasts);
    announce(toasts, place);
  };
  read();
  document.addEventListener("htmx:after:swap", read);
  const unlock = (): void => {
    audio ??= new AudioContext();
    void audio.resume();
  };
  addEventListener("pointerdown", unlock, { once: true });
  addEventListener("keydown", unlock, { once: true });
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest("[data-notify-ask]");
    if (button === null || !("Notification" in window)) return;
    void Notification.requestPermission().then(() => button.remove());
  });
}
