/** What is asked at the chat's end: one score by a click, words if somebody likes; both may be changed. */
import { element, text } from "./texts";

export interface Question { text: string; scores: { value: number; label: string }[]; low: string; high: string; score: number | null; comment: string }

let drawn = "";

export function chosen(): number | null {
  const picked = document.querySelector<HTMLInputElement>('#scores input:checked');
  return picked === null ? null : Number(picked.value);
}

function option(value: number, label: string, isChosen: boolean): HTMLElement {
  const box = document.createElement("label");
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "score";
  input.value = String(value);
  input.checked = isChosen;
  input.setAttribute("aria-label", label === "" ? String(value) : `${value} ${label}`);
  box.title = label;
  box.append(input, String(value));
  return box;
}

/** Drawn anew only when it is another one: what somebody is writing stays. */
export function ask(question: Question | null): void {
  element("rate").hidden = question === null;
  const key = JSON.stringify(question);
  if (question === null || key === drawn) return;
  drawn = key;
  element("asks").textContent = question.text;
  element("low").textContent = question.low;
  element("high").textContent = question.high;
  element("scores").replaceChildren(...question.scores.map((one) => option(one.value, one.label, one.value === question.score)));
  element<HTMLTextAreaElement>("comment").value = question.comment;
  element("thanks").hidden = question.score === null;
  element("rated").textContent = text(question.score === null ? "rate" : "rateAgain");
}
