/** Small posts of the islands, with the token against forgery. */

export function token(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

export function post(url: string, values: Record<string, string>, options: RequestInit = {}): Promise<Response> {
  const headers = { "X-CSRFToken": token(), "HX-Request": "true" };
  return fetch(url, { method: "POST", body: new URLSearchParams(values), headers, ...options });
}
