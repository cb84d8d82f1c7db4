"use strict";
// Tables sort by any column: each heading becomes a button. Without a value, rows stay last.
const valueOf = (row, column) => {
  const cell = row.cells[column];
  return "value" in cell.dataset ? cell.dataset.value : cell.textContent.trim();
};
const compare = (a, b) => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
};
const sortBy = (table, column) => {
  const head = table.tHead.rows[0].cells[column];
  const falling = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const body = table.tBodies[0];
  const known = [], empty = [];
  for (const row of body.rows) (valueOf(row, column) === "" ? empty : known).push(row);
  known.sort((a, b) => compare(valueOf(a, column), valueOf(b, column)) * (falling ? -1 : 1));
  body.append(...known, ...empty);
};
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!head.textContent) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    head.append(button);
  });
}
// Copy buttons are made here, so that a page without scripts shows none that do nothing.
for (const text of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = `Copy ${text.dataset.copy}`;
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      // A page from the disk may not write to the clipboard: the text is selected at least.
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  text.after(button);
}
// Entries of a legend become buttons that hide their series.
for (const entry of document.querySelectorAll(".legend [data-series]")) {
  const drawing = entry.parentElement.previousElementSibling;
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  button.title = "Hide or show";
  button.append(...entry.childNodes);
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(shown));
    for (const part of drawing.querySelectorAll(`[id*="-${entry.dataset.series}"]`))
      part.style.display = shown ? "" : "none";
  });
  entry.append(button);
}
// A map says the value of the cell under the pointer: it has too many for a text each.
for (const map of document.querySelectorAll("[data-cells]")) {
  const cells = Int8Array.from(atob(map.dataset.cells), (one) => one.charCodeAt(0));
  const columns = Number(map.dataset.columns), rows = cells.length / columns;
  const [down, right] = map.dataset.step.split(",").map(Number);
  const title = map.querySelector("title"), image = map.querySelector("image");
  map.addEventListener("pointermove", (event) => {
    const box = image.getBoundingClientRect();
    const at = (place, size, n) => Math.min(n - 1, Math.max(0, Math.floor((place / size) * n)));
    const row = at(event.clientY - box.y, box.height, rows);
    const column = at(event.clientX - box.x, box.width, columns);
    const value = (cells[row * columns + column] / 100).toFixed(2);
    title.textContent = `${map.dataset.name}, output ${row * down}, input ${column * right}: ${value} of g_max`;
  });
}
// A link to a folded section opens it, and print opens all of them for its time.
const unfold = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target && target.closest("details");
  if (!folded || folded.open) return;
  folded.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", unfold);
for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", () => setTimeout(unfold));
unfold();
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});
// The index marks the section that is being read.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const watch = new IntersectionObserver(
  (seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  },
  { rootMargin: "0px 0px -70% 0px" },
);
for (const head of document.querySelectorAll(".section h2")) watch.observe(head);
