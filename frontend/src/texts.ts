/** Texts of the islands: they stand translated as data attributes on #jy-texts, with `{name}` places. */

export function text(key: string, values: Record<string, string | number> = {}): string {
  const pattern = document.getElementById("jy-texts")?.dataset[key] ?? key;
  return pattern.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}
