"use strict";
// The state of the page is the part of its address behind "#": benchmark=…&status=…&group.topic=…&text=…&at=…
// So every link of the overview is a filter, and every view can be sent to someone.
const { items, groups } = JSON.parse(document.getElementById("data").textContent);
const by = id => document.getElementById(id);
const HEIGHT = 48, SPARE = 8;                       // pixels of a row; rows drawn beyond the visible ones
const GLYPHS = /(?![\n\r\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;   // what hides or reorders the text around it
const OPINIONS = { official: "official rule", judge: "judge" };
const WORDS = { yes: "yes", no: "no", none: "no verdict" };
items.forEach((item, number) => { item.number = number; });
let state = {}, shown = [], here = -1, saving = 0;

{% include "rich_text.js" %}

{% include "compare.js" %}
// --- filters

function opinion(value) { return value === undefined ? [] : [value === null ? "none" : value ? "yes" : "no"]; }
function values(item, key) {
  if (key in OPINIONS) return opinion(item[key]);
  if (key.startsWith("group.")) return [].concat(item.groups[key.slice(6)] ?? "unknown");
  return [item[key]];
}
function fits(item, key, wanted) {
  if (key === "text") return (item.words ??= [item.id, item.question, item.gold, ...(item.sides ?? [item]).flatMap(one => [one.response.join(""), one.answer, one.reason])].join("\n").toLowerCase()).includes(wanted);
  if (wanted === "other than correct") return item.status !== "correct";
  return values(item, key).includes(wanted);
}
function facets() {                                 // a group can be chosen once its benchmark is
  const names = [...new Set(items.map(item => item.benchmark))];
  const chosen = state.benchmark ?? (names.length === 1 ? names[0] : undefined);
  const found = names.length > 1 ? ["benchmark", "status"] : ["status"];
  for (const key of Object.keys(OPINIONS)) if (items.some(item => item[key] !== undefined)) found.push(key);
  return [...found, ...(groups[chosen] ?? []).map(name => "group." + name)];
}
function filter() {
  const offered = facets();
  const wanted = [...offered, "text"].filter(key => state[key]).map(key => [key, key === "text" ? state.text.toLowerCase() : state[key]]);
  const counts = Object.fromEntries(offered.map(key => [key, new Map()]));
  const count = (item, key) => { for (const value of values(item, key)) counts[key].set(value, (counts[key].get(value) ?? 0) + 1); };
  shown = [];
  for (const item of items) {                       // an item counts for a choice if it fits all the other choices
    const failed = wanted.filter(([key, value]) => !fits(item, key, value)).map(([key]) => key);
    if (!failed.length) shown.push(item);
    if (!failed.length) offered.forEach(key => count(item, key));
    else if (failed.length === 1 && failed[0] !== "text") count(item, failed[0]);
  }
  selects(offered, counts);
  by("count").textContent = shown.length === items.length ? `${items.length} items` : `${shown.length} of ${items.length}`;
  by("reset").disabled = !wanted.length;
  by("rows").style.height = shown.length * HEIGHT + "px";
}
function selects(offered, counts) {
  const focused = document.activeElement?.name;
  document.querySelectorAll("#filters select").forEach(select => select.remove());
  for (const key of offered) {
    const label = OPINIONS[key] ?? words(key.replace("group.", "")), select = node("select", undefined, state[key] ? "set" : "");
    const known = [...counts[key].keys()];
    if (state[key] && !known.includes(state[key])) known.push(state[key]);
    select.name = key;
    select.ariaLabel = label;
    select.append(new Option(`${label}: all`, ""));
    for (const value of known.sort((a, b) => a.localeCompare(b, "en", { numeric: true })))
      select.append(new Option(`${key in OPINIONS ? `${label}: ${WORDS[value] ?? words(value)}` : words(value)} (${counts[key].get(value) ?? shown.length})`, value));
    select.value = state[key] ?? "";
    by("text").before(select);
    if (key === focused) select.focus();
  }
}

// --- the list: only the rows in sight exist

function rows() {
  const list = by("list"), first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - SPARE);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + SPARE);
  by("rows").replaceChildren(...shown.slice(first, last).map((item, i) => row(item, first + i)));
}
function row(item, index) {
  const box = node("div", undefined, "row " + item.status.replaceAll(" ", "-"));
  box.id = "row" + index;
  box.role = "option";
  box.style.top = index * HEIGHT + "px";
  box.ariaSelected = index === here;
  box.ariaPosInSet = index + 1;
  box.ariaSetSize = shown.length;
  box.append(node("div", name(item)), node("div", item.sides ? item.sides.map(side => brief(side.answer)).join("  →  ") + `  ·  gold ${brief(item.gold)}` : item.answer === null ? words(item.status) : `${brief(item.answer)}  ·  gold ${brief(item.gold)}`));
  return box;
}
function name(item) { return item.id + (item.index ? ` #${item.index}` : ""); }
function brief(text) { return (text ?? "–").slice(0, 80).replace(/\s+/g, " ").replace(/^(\${1,2})([^$]*)\1$/, "$2"); }

// --- one item

function chip(item, key, value) {
  const link = node("a", `${key}: ${value}`);
  link.href = "#" + new URLSearchParams({ benchmark: item.benchmark, ["group." + key]: value });
  return link;
}
function button(text, label, step) {
  const made = node("button", text);
  made.ariaLabel = made.title = label;
  made.addEventListener("click", step);
  return made;
}
function figure(hash, item) {
  const image = node("img");
  image.alt = "figure of " + plain(item.id);
  image.decoding = "async";
  const place = () => {                             // the pictures stand behind this script in the file
    const data = whole(hash);
    if (data) image.src = "data:image/webp;base64," + data.textContent;
    else if (document.readyState === "loading") setTimeout(place, 50);
  };
  place();
  return image;
}
function whole(id) {                                // an element behind this script, once the parser is past its end
  const found = by(id);
  return found && (found.nextSibling || document.readyState !== "loading") ? found : null;
}
function texts(item) {                              // what is set of an item; {} if its source is asked for
  const data = whole("text" + item.number);
  if (!data && document.readyState === "loading") setTimeout(() => { if (shown[here] === item) article(item); }, 50);
  return data && state.view !== "source" ? item.texts ??= JSON.parse(data.textContent) : {};
}
function response(item, trees) {
  const box = node(trees ? "div" : "pre", undefined, trees ? "response" : ""), [before, answer, after] = item.response;
  if (trees) fill(box, trees);
  else {
    write(box, before ?? "");
    if (answer !== undefined) box.append(node("mark", answer));
    write(box, after ?? "");
  }
  if (item.finish_reason === "length") box.append(node("span", " ✂ cut here", "warn"));
  return box;
}
function sourceButton() {
  const made = button(state.view === "source" ? "set" : "source", "formulas and Markdown as they were written, or set (s)", source);
  made.className = "source";
  return made;
}
function source() {
  state.view = state.view === "source" ? "" : "source";
  article(shown[here]);
  keep();
}
function verdict(item, set) {
  const facts = node("dl", undefined, "verdict");
  const said = value => value === undefined ? undefined : WORDS[opinion(value)[0]];
  for (const [label, value, trees] of [
    ["gold", item.gold, set.gold], ...(item.sides ? [] : [["extracted", item.answer ?? "nothing", set.answer], ["rule", item.rule], ["reason", item.reason],
    ["format", item.format ? "as the prompt asks" : "not as the prompt asks"], [OPINIONS.official, said(item.official)], [OPINIONS.judge, said(item.judge)]]),
  ]) if (value !== undefined) facts.append(node("dt", label), fill(node("dd"), trees, value));
  return facts;
}
function mates(item) {                              // in training: all rollouts of a prompt, side by side
  const table = node("table", undefined, "mates");
  const line = (tag, cells) => { const made = node("tr"); made.append(...cells.map(cell => cell instanceof Node ? cell : node(tag, cell))); table.append(made); return made; };
  line("th", ["rollout", "reward", "advantage", "answer", "status", "tokens"]);
  for (const one of items.filter(other => other.id === item.id)) {
    const link = node("a", `#${one.index}`), first = node("td");
    link.href = "#" + new URLSearchParams({ ...(shown.includes(one) && state), at: name(one) });
    first.append(link);
    const made = line("td", [first, one.reward.toFixed(2), (one.advantage < 0 ? "−" : "+") + Math.abs(one.advantage).toFixed(2), brief(one.answer), words(one.status), one.tokens ?? "–"]);
    if (one === item) made.ariaCurrent = "true";
    made.lastChild.previousSibling.className = one.status;
  }
  return table;
}
function question(item, set) {
  const asked = fill(node("p", undefined, "asked"), set.question, (item.question ?? "").replaceAll("<image>", "").trim());
  const choices = node("p", undefined, "asked");
  (item.choices ?? []).forEach((choice, i) => { choices.append(`${i ? "\n" : ""}${String.fromCharCode(65 + i)}. `); fill(choices, set.choices?.[i], choice); });
  return choices.hasChildNodes() ? [asked, choices] : [asked];
}
function article(item) {
  const set = texts(item);
  const head = node("div", undefined, "head"), steps = node("span", undefined, "steps"), chips = node("div", undefined, "chips"), figures = node("div", undefined, "figures");
  const back = button("☰ list", "back to the list", () => document.body.classList.remove("reading"));
  back.id = "back";
  steps.append(sourceButton(), button("↑", "previous item (k)", () => go(here - 1)), button("↓", "next item (j)", () => go(here + 1)));
  head.append(back, node("strong", words(item.status), item.status.replaceAll(" ", "-")), node("span", name(item)), steps);
  for (const [key, value] of Object.entries(item.groups))
    for (const one of [].concat(value)) chips.append((groups[item.benchmark] ?? []).includes(key) ? chip(item, key, one) : node("span", `${key}: ${one}`, "soft"));
  if (item.tokens != null) chips.append(node("span", `${item.tokens} tokens`, "soft"));
  if (item.finish_reason === "length") chips.append(node("span", "truncated", "warn"));
  figures.append(...(item.images ?? []).map(hash => figure(hash, item)));
  by("item").replaceChildren(head, chips, figures, ...question(item, set), ...(item.sides ? [verdict(item, set), sides(item, set)] : [...(item.reward === undefined ? [] : [mates(item)]), verdict(item, set), response(item, set.response)]));
  by("item").scrollTop = 0;
}

// --- moving about

function go(index, reading = true) {
  here = Math.max(0, Math.min(shown.length - 1, index));
  const list = by("list"), item = shown[here];
  if (!item) { by("item").replaceChildren(node("p", "No item fits these filters.", "soft")); rows(); return; }
  if (here * HEIGHT < list.scrollTop) list.scrollTop = here * HEIGHT;
  if ((here + 1) * HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = (here + 1) * HEIGHT - list.clientHeight;
  rows();
  list.setAttribute("aria-activedescendant", "row" + here);
  article(item);
  document.body.classList.toggle("reading", reading);
  state.at = name(item);
  keep();
}
function keep() {                                   // browsers refuse an address that changes with every key press
  clearTimeout(saving);
  saving = setTimeout(() => history.replaceState(null, "", "#" + new URLSearchParams(Object.entries(state).filter(([, value]) => value))), 200);
}
function refresh(reading = false) {
  filter();
  by("text").value = state.text ?? "";
  by("list").scrollTop = 0;
  go(Math.max(0, shown.findIndex(item => name(item) === state.at)), reading);
}
function read() {
  if (location.hash === "#items" && shown.length) return;       // a place on the page, not a selection
  state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  refresh(Boolean(state.at));
  if (location.hash) by("items").scrollIntoView();
}

by("filters").addEventListener("input", event => {
  state[event.target.name || "text"] = event.target.value;
  if (event.target.name === "benchmark") for (const key of Object.keys(state)) if (key.startsWith("group.")) delete state[key];
  filter();
  by("list").scrollTop = 0;
  go(Math.max(0, shown.findIndex(item => name(item) === state.at)), false);
});
by("filters").addEventListener("submit", event => event.preventDefault());
by("filters").addEventListener("reset", event => { event.preventDefault(); state = { at: state.at, view: state.view }; refresh(); });
by("list").addEventListener("scroll", rows);
by("rows").addEventListener("click", event => { const box = event.target.closest(".row"); if (box) go(Number(box.id.slice(3))); });
by("item").addEventListener("click", event => { const formula = event.target.closest(".formula"); if (formula) turn(formula); });
addEventListener("resize", rows);
addEventListener("hashchange", read);
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(by("list").clientHeight / HEIGHT) - 1), inList = document.activeElement === by("list");
  if (event.key === "Escape") {
    if (document.body.classList.contains("reading") && matchMedia("(max-width: 760px)").matches) document.body.classList.remove("reading");
    else by("reset").click();
    by("list").focus({ preventScroll: true });
    return;
  }
  if (event.target.matches("input, select, button")) return;
  const steps = { j: here + 1, k: here - 1, ...(inList && { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + page, PageUp: here - page, Home: 0, End: shown.length - 1 }) };
  if (event.key === "/") { by("items").scrollIntoView(); by("text").focus(); }
  else if (event.key === "s" && shown[here]) source();
  else if (event.key in steps) { if (!inList) by("items").scrollIntoView(); go(steps[event.key]); }
  else return;
  event.preventDefault();
});
read();
