/** Forms of filters: an address holds only what is set; small menus close when one goes elsewhere. */

function dropEmpty(event: FormDataEvent): void {
  if (!(event.target as Element).matches("form[data-clean]")) return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
}

function closeMenus(event: Event): void {
  const target = event.target as Node;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
}

function closeByEscape(event: KeyboardEvent): void {
  if (event.key !== "Escape") return;
  const menu = (event.target as Element).closest<HTMLDetailsElement>("details[data-menu][open]");
  if (menu === null) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
}

export function startFind(): void {
  document.addEventListener("formdata", dropEmpty);
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", closeByEscape);
}
