// Which certificates are shown: the streams' own filters, which the server knows, and what this page looks at itself.
const filters = new URLSearchParams();
const only = new Map(); // kind of share → value
const FILTER_NAMES = ["domain", "match", "regex", "issuer", "log", "operator", "type", "unique"];

function readFilters() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (FILTER_NAMES.includes(name)) filters.append(name, value);
    else if (name.startsWith("only-") && SHARES[name.slice(5)]?.of) only.set(name.slice(5), value);
  }
  byId("filter").elements.type.value = filters.get("type") || "";
}

const query = () => filters.toString();

function hasFilter(name, value) {
  return filters.getAll(name).some(set => set.toLowerCase() === value.toLowerCase());
}

function removeFilter(name, value) {
  const kept = filters.getAll(name).filter(set => set.toLowerCase() !== value.toLowerCase());
  filters.delete(name);
  for (const set of kept) filters.append(name, set);
}

function isChosen(kind, value) {
  return SHARES[kind].filter ? hasFilter(...SHARES[kind].filter(value)) : only.get(kind) === value;
}

function choose(kind, value) {
  if (!SHARES[kind].filter) {
    if (only.get(kind) === value) only.delete(kind);
    else only.set(kind, value);
  } else {
    const [name, text] = SHARES[kind].filter(value);
    if (hasFilter(name, text)) removeFilter(name, text);
    else filters.append(name, text);
  }
  applyFilters();
}

// "*.a.example" is a domain, "name=value" are filters, all else is part of a name.
function addFilter(text) {
  const named = /^([a-z]+)=/.exec(text);
  if (!text) return;
  if (!named) return void filters.append(/^\*?\.[^*]+$/.test(text) ? "domain" : "match", text);
  // One value may have any character, several are as in a query.
  const several = /&[a-z]+=/.test(text) ? new URLSearchParams(text) : [[named[1], text.slice(named[0].length)]];
  for (const [name, value] of several) filters.append(name, value);
}

function chip(text, remove, title) {
  return made("li", {}, made("button", { type: "button", title, "aria-label": "Remove the filter " + text, onclick: () => { remove(); applyFilters(); } }, text + "  ✕"));
}

function showChips() {
  const chips = [...filters].filter(([name]) => name !== "type").map(([name, value]) =>
    chip(`${name} ${value}`, () => removeFilter(name, value), "Remove"));
  for (const [kind, value] of only) chips.push(chip(`${SHARES[kind].title}: ${shareName(kind, value)}, in this page only`, () => only.delete(kind),
    "The streams have no such filter: this page looks at what comes. Click to remove"));
  byId("chips").replaceChildren(...chips);
}

function applyFilters() {
  const all = new URLSearchParams(filters);
  for (const [kind, value] of only) all.set("only-" + kind, value);
  if (token) all.set("token", token);
  const text = all.toString();
  history.replaceState(null, "", location.pathname + (text ? "?" + text : "") + location.hash);
  showChips();
  markBars();
  showCommand();
  startFeed();
}

const passesPage = data => [...only].every(([kind, value]) => SHARES[kind].of(data) === value);

function startFilters() {
  const form = byId("filter");
  readFilters();
  showChips();
  form.addEventListener("submit", event => {
    event.preventDefault();
    addFilter(form.elements.text.value.trim());
    form.elements.text.value = "";
    applyFilters();
  });
  form.elements.type.addEventListener("change", () => {
    filters.delete("type");
    if (form.elements.type.value) filters.set("type", form.elements.type.value);
    applyFilters();
  });
}
