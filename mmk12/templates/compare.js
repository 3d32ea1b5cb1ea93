// --- a comparison: the responses of runs to one item side by side, and where they differ

const LONGEST = 3000;                               // words of a response that are compared
function sides(item, set) {
  const box = node("div", undefined, "sides"), shown = [];
  item.sides.forEach((side, i) => {
    const column = node("section"), head = node("div", undefined, "head"), link = node("a", side.run), set_ = set.sides?.[i] ?? {};
    link.href = side.link;
    link.title = "this item on the page of the run";
    head.append(node("strong", words(side.status), side.status), link);
    if (side.score > 0 && side.score < 1) head.append(node("span", `${Math.round(100 * side.score)} % of its rollouts are right`, "soft"));
    if (side.tokens !== null) head.append(node("span", `${side.tokens} tokens`, "soft"));
    const facts = node("dl", undefined, "verdict");
    for (const [label, value, trees] of [["extracted", side.answer ?? "nothing", set_.answer], ["rule", side.rule], ["reason", side.reason]])
      facts.append(node("dt", label), fill(node("dd"), trees, value));
    const said = response(side, set_.response);
    shown.push(said);
    column.append(head, facts, said);
    box.append(column);
  });
  setTimeout(() => mark(shown));
  return box;
}
function mark(boxes) {                              // each response against the first one
  if (!CSS.highlights) return;
  const lists = boxes.map(tokens), ranges = new Set();
  document.querySelectorAll(".differs").forEach(formula => formula.classList.remove("differs"));
  for (const list of lists.slice(1)) if (list.length <= LONGEST && lists[0].length <= LONGEST)
    for (const token of differing(lists[0], list)) token.formula ? token.formula.classList.add("differs") : ranges.add(range(token));
  CSS.highlights.set("differs", new Highlight(...ranges));
}
function tokens(box) {                              // words and single signs; a formula is one word
  const found = [], walker = document.createTreeWalker(box, NodeFilter.SHOW_ALL, part => part.parentNode.closest?.(".formula, summary") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  for (let part = walker.nextNode(); part; part = walker.nextNode()) {
    if (part.classList?.contains("formula")) found.push({ key: part.title.replace(/\s|\$/g, ""), formula: part });
    else if (part.nodeType === Node.TEXT_NODE)
      for (const word of part.data.matchAll(/[\p{L}\p{M}]+|\p{N}+|[^\s]/gu)) found.push({ key: word[0], part, from: word.index, to: word.index + word[0].length });
  }
  return found;
}
function range(token) {
  const made = new Range();
  made.setStart(token.part, token.from);
  made.setEnd(token.part, token.to);
  return made;
}
function differing(a, b) {                          // what is in no longest common subsequence
  let start = 0, end = 0;
  while (start < Math.min(a.length, b.length) && a[start].key === b[start].key) start++;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end].key === b[b.length - 1 - end].key) end++;
  a = a.slice(start, a.length - end);
  b = b.slice(start, b.length - end);
  const width = b.length + 1, longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--)
    longest[i * width + j] = a[i].key === b[j].key ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
  const found = [];
  let i = 0, j = 0;
  while (i < a.length && j < b.length) {
    if (a[i].key === b[j].key) { i++; j++; }
    else found.push(longest[(i + 1) * width + j] >= longest[i * width + j + 1] ? a[i++] : b[j++]);
  }
  return [...found, ...a.slice(i), ...b.slice(j)];
}
