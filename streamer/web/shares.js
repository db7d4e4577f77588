// Who and what: a card per kind, a bar per value; a bar sets its filter, or takes it away.
const BARS = 8;

const percent = share => (share >= .0995 ? (share * 100).toFixed(0) : share >= .001 ? (share * 100).toFixed(1) : share ? "<0.1" : "0") + " %";

function bar(kind, value, entries, all) {
  const share = all ? entries / all : 0;
  const button = made("button.share", { type: "button", "aria-pressed": String(isChosen(kind, value)),
    title: `${shareName(kind, value)}: ${count(entries, "entry", "entries")}; click to see only these`,
    onclick: () => choose(kind, value) },
  made("span", {}, shareName(kind, value)), made("span", {}, percent(share)));
  button.style.setProperty("--share", (share * 100).toFixed(2) + "%");
  button.classList.toggle("zero", !share);
  button.dataset.value = value;
  return made("li", {}, button);
}

function shareValues(kind, values) {
  const order = SHARES[kind].order;
  if (order) return order.map(name => values.find(({ value }) => value === name) || { value: name, entries: 0 });
  return values.slice(0, BARS);
}

function shareCard(kind, values, all) {
  const shown = shareValues(kind, values), rest = all - shown.reduce((sum, { entries }) => sum + entries, 0);
  if (!all) return [made("li", {}, made("div.share.none", {}, "no certificate yet"))];
  const list = shown.map(({ value, entries }) => bar(kind, value, entries, all));
  if (rest > all * .0005 && all) {
    list.push(made("li", {}, made("div.share.none", {}, made("span", {}, values.length > shown.length ? "others" : "not said, or others"),
      made("span", {}, percent(rest / all)))));
  }
  return list;
}

// In place, so that a bar that has the focus keeps it.
function fillCard(kind, values, all) {
  const cards = byId("shares-cards");
  let list = cards.querySelector(`[data-kind="${kind}"] ul`);
  if (!list) {
    list = made("ul");
    cards.append(made("div.card", { "data-kind": kind }, made("h3", {}, SHARES[kind].title), list));
  }
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.value : null;
  const fresh = shareCard(kind, values, all), old = [...list.children];
  if (old.length === fresh.length && old.every((row, i) => row.firstChild.dataset.value === fresh[i].firstChild.dataset.value))
    old.forEach((row, i) => updateBar(row.firstChild, fresh[i].firstChild));
  else {
    list.replaceChildren(...fresh);
    if (focused !== null) [...list.querySelectorAll("button")].find(button => button.dataset.value === focused)?.focus();
  }
}

function updateBar(shown, fresh) {
  shown.style.setProperty("--share", fresh.style.getPropertyValue("--share"));
  shown.classList.toggle("zero", fresh.classList.contains("zero"));
  setText(shown.lastChild, fresh.lastChild.textContent);
  if (fresh.title && shown.title !== fresh.title) shown.title = fresh.title;
  markBar(shown);
}

function markBar(button) {
  const kind = button.closest("[data-kind]")?.dataset.kind;
  if (kind && button.dataset.value !== undefined) button.setAttribute("aria-pressed", String(isChosen(kind, button.dataset.value)));
}

function markBars() {
  for (const button of document.querySelectorAll("button.share")) markBar(button);
}

function showShares({ shares, entries, looked_at: looked }) {
  setText(byId("shares-note"), !entries ? "no certificate in the last 5 minutes" : `of the last 5 minutes, ${count(entries, "entry", "entries")}` +
    (looked < entries ? `; estimated from ${number(looked)} of them` : "") + "; each bar is a filter");
  for (const kind of Object.keys(SHARES)) fillCard(kind, shares[kind], entries);
}
