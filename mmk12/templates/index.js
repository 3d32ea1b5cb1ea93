"use strict";
// Sorting and filtering of the table of runs. The address holds both: #sort=-accuracy&text=demo&kind=training
const by = id => document.getElementById(id);
const body = by("runs").tBodies[0], rows = [...body.rows], heads = [...by("runs").tHead.rows[0].cells];
const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function show() {
  const words = (state.text ?? "").toLowerCase().split(/\s+/);
  for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word)) || Boolean(state.kind && row.dataset.kind !== state.kind);
  const key = (state.sort ?? "").replace("-", ""), column = heads.findIndex(head => head.dataset.key === key), down = (state.sort ?? "").startsWith("-");
  heads.forEach((head, i) => { head.ariaSort = i !== column || column < 0 ? null : down ? "descending" : "ascending"; });
  if (column >= 0) {
    const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1);           // what was not measured stands last
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, "en", { numeric: true }) : x - y;
      return down ? -order : order;
    });
    body.append(...sorted);
  }
  by("count").textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length}`;
  history.replaceState(null, "", "#" + new URLSearchParams(Object.entries(state).filter(([, value]) => value)));
}
for (const head of heads) head.querySelector("button").addEventListener("click", () => {
  state.sort = state.sort === head.dataset.key ? "-" + head.dataset.key : head.dataset.key;
  show();
});
by("text").value = state.text ?? "";
by("kind").value = state.kind ?? "";
by("filters").addEventListener("input", event => { state[event.target.id] = event.target.value; show(); });
by("filters").addEventListener("submit", event => event.preventDefault());
show();
if (document.body.dataset.live) setInterval(() => { if (document.activeElement !== by("text")) location.reload(); }, 5000);
