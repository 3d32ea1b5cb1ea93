// --- text: nothing that a model or a dataset wrote is ever parsed as markup

function code(char) { return "U+" + char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0"); }
function plain(text) { return String(text).replace(GLYPHS, char => `[${code(char)}]`); }
function words(name) { return plain(name).replaceAll("_", " "); }
function write(box, text) {                         // invisible characters are shown by their names
  let from = 0;
  for (const found of text.matchAll(GLYPHS)) {
    box.append(text.slice(from, found.index), node("span", code(found[0]), "odd"));
    from = found.index + found[0].length;
  }
  box.append(text.slice(from));
  return box;
}
function node(tag, text, name) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  return text === undefined || text === null ? made : write(made, String(text));
}

// --- set texts: trees of elements, which mmk12/utils/rich_text.py makes

const MATH = "http://www.w3.org/1998/Math/MathML";
function build(tree, space) {
  if (typeof tree === "string") return space ? tree.replace(GLYPHS, "") : write(document.createDocumentFragment(), tree);
  const [tag, attributes, ...children] = tree, inside = tag === "math" ? MATH : space;
  const made = inside ? document.createElementNS(inside, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, plain(value));
  made.append(...children.map(child => build(child, inside)));
  return made;
}
function fill(box, trees, text) {                   // the text itself, where there is nothing to set
  if (trees) box.append(...trees.map(tree => build(tree)));
  else write(box, text);
  return box;
}
function turn(formula) {                            // from the formula to its source, and back
  if (!formula.querySelector("code")) formula.append(node("code", formula.title));
  formula.classList.toggle("tex");
}
