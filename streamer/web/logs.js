// The logs, what needs attention first.
const LOGS_MS = 5000, SLOW_S = 60, LATE_S = 600, SILENT_S = 60;
let knownLogs = [];

const VERDICTS = {
  entries: ["The log serves other entries than it signed.",
    "It signed a tree that goes on from what was published here, but the entries that it hands out do not lead to that tree. Either its storage is damaged, or somebody is being shown something else."],
  fork: ["The log has rewritten its history.",
    "It signed a tree that does not contain the entries it had signed before. A log may only ever grow: entries that were public are gone or changed in what it shows now."],
  equivocation: ["The log signed two different trees of the same size.",
    "Both signatures are good, and both cannot be true: it tells different people different things. The two signed heads prove it to anybody."],
  "final head": ["The log does not end where the log list says it does.",
    "The list names the last tree head of this read-only log, and what the log signed itself contradicts it."],
  unexplained: ["The log contradicts itself, and does not answer what would explain it.",
    "What it hands out does not lead to the tree that it signed, and it does not give the proofs that would tell a damaged entry from a rewritten history."],
};

// Of a log that nobody reads nothing newer is known than the last report.
function judge(log, now) {
  log.silent = log.state !== "finished" && now - (log.updated || 0) > SILENT_S;
  log.behind = log.silent ? Math.max(log.lag_seconds || 0, log.updated ? now - log.updated : 0) : log.lag_seconds || 0;
  log.health = health(log);
  log.is_proven = log.verified_size !== null && log.verified_size >= headOf(log) && !log.quarantine && !log.silent;
}

function health(log) {
  if (log.quarantine) return { kind: "bad", text: "quarantined", order: 0 };
  if (log.state === "left alone") return { kind: "bad", text: "left alone", order: 1 };
  if (log.state === "finished") return { kind: "off", text: "finished", order: 9 };
  if (log.silent) return { kind: "bad", text: "nobody reads", order: 2 };
  if (log.lag_seconds > LATE_S) return { kind: "bad", text: "far behind", order: 3 };
  if (log.state === "backing off") return { kind: "warn", text: "backing off", order: 4 };
  if (log.lag_seconds > SLOW_S) return { kind: "warn", text: "behind", order: 5 };
  if (log.state === "loading" || log.state === "starting" || log.verified_size === null) return { kind: "warn", text: "starting", order: 6 };
  return { kind: "good", text: "well", order: 8 };
}

function spark(log) {
  const values = log.points?.lag_seconds || [], known = values.filter(value => value !== null);
  const svg = drawn("svg", { class: "spark " + (Math.max(0, ...known) > LATE_S ? "bad" : Math.max(0, ...known) > SLOW_S ? "warn" : ""), viewBox: "0 0 120 28",
    preserveAspectRatio: "none", role: "img",
    "aria-label": known.length ? `Lag in the last ${count(known.length, "minute")}: at most ${span(Math.max(...known))}` : "No lag known yet" });
  const top = Math.max(10, ...known);
  const y = value => (26 - 24 * value / top).toFixed(1), x = i => (i * 120 / (values.length - 1)).toFixed(1);
  let line = "", area = "", begin = -1;
  values.forEach((value, i) => {
    if (value === null) { begin = -1; return; }
    const from = begin < 0 ? (Math.max(0, i - .5) * 120 / (values.length - 1)).toFixed(1) : null;
    if (begin < 0) line += `M${from} ${y(value)}`;
    line += `L${x(i)} ${y(value)}`;
    area += `M${from ?? x(i - 1)} 28L${from ?? x(i - 1)} ${y(begin < 0 ? value : values[i - 1])}L${x(i)} ${y(value)}L${x(i)} 28Z`;
    begin = i;
  });
  svg.append(drawn("path", { class: "area", d: area }), drawn("path", { d: line }));
  return svg;
}

function lagText(log) {
  if (log.silent) return log.updated ? "for " + span(log.behind) : "";
  if (log.lag_entries === null) return "lag –";
  return log.lag_entries ? `lag ${span(log.lag_seconds || 0)}, ${number(log.lag_entries)}` : "no lag";
}

function summaryCells(log) {
  return [made("span.health." + log.health.kind, {}, log.health.text),
    made("span.log-name", { title: log.url || "" }, log.name || log.log_id),
    made("span.log-kind", {}, [log.operator, log.type].filter(Boolean).join(" · ")),
    made("span.log-size", {}, log.verified_size !== null && log.verified_size >= headOf(log) ? `proven up to ${number(log.verified_size)}` : `proven ${number(log.verified_size)} of ${number(headOf(log))}`),
    spark(log), made("span.log-lag", {}, lagText(log))];
}

function verdict(log) {
  const [title, words] = VERDICTS[log.quarantine] || ["The log is in quarantine: " + log.quarantine + ".", ""];
  const text = "redis-cli XREVRANGE '{certstream}:evidence' + - COUNT 1";
  return made("div.verdict", {}, made("strong", {}, title), made("p", {}, words),
    made("p", {}, `Since ${log.quarantine_since ? fullTime(log.quarantine_since) : "an unknown time"} nothing of it is published. What was published before, ` +
      `${count(log.verified_size || 0, "entry", "entries")}, was proven and stays good; the head it shows now has ${number(log.tree_size)}. ` +
      "It is looked at again by itself, and goes on when it shows again what it signed."),
    made("p", {}, "What it signed and what it served is kept word for word, to show to others: "),
    made("p.actions", {}, made("code", {}, text), action("Copy", button => copy(text, button))));
}

function logFields(log) {
  return made("dl.fields", {}, ...[["Address", log.url], ["Log id", log.log_id], ["In the list", [log.list_state, log.following === "draining" ? "read to its end" : ""].filter(Boolean).join(", ")],
    ["What it does now", log.state], ["Read up to", number(log.position)], ["Proven up to", number(log.verified_size)], ["Largest head", number(log.tree_size)],
    ["Age of the head", log.head_age_seconds === null ? null : span(log.head_age_seconds)], ["Lag", log.lag_entries === null ? null : count(log.lag_entries, "entry", "entries") + ", " + span(log.lag_seconds || 0)],
    ["Entries a second", log.entries_per_second === null ? null : rate(log.entries_per_second)], ["Read by", log.owner], ["Last report", log.updated ? fullTime(log.updated) : null],
    ["Last error", log.last_error]].filter(([, value]) => value).map(([name, value]) => made("div", {}, made("dt", {}, name), made("dd", {}, value))));
}

function fillMore(item, log) {
  item.lastElementChild.replaceChildren(...(log.quarantine ? [verdict(log)] : []), logFields(log));
}

const headOf = log => Math.max(log.tree_size || 0, log.position || 0);

// In place: what is open stays open, what has the focus keeps it.
function showLogs() {
  const list = byId("logs-list"), items = new Map([...list.children].map(item => [item.dataset.id, item]));
  const order = knownLogs.map(log => {
    const item = items.get(log.log_id) || made("details", { "data-id": log.log_id, ontoggle: event => {
      const current = knownLogs.find(({ log_id }) => log_id === log.log_id);
      if (event.currentTarget.open && current) fillMore(event.currentTarget, current);
    } }, made("summary"), made("div.log-more"));
    item.firstElementChild.replaceChildren(...summaryCells(log));
    if (item.open && !item.contains(document.activeElement)) fillMore(item, log);
    return item;
  });
  if (!order.length || order.length !== list.children.length || order.some((item, i) => list.children[i] !== item)) {
    const focused = document.activeElement;
    list.replaceChildren(...(order.length ? order : [made("p.hint.empty-logs", {}, "No log is known yet: ingest has not reported one.")]));
    if (list.contains(focused)) focused.focus();
  }
}

function tellLogs() {
  const states = new Map();
  for (const log of knownLogs) states.set(log.health.text, (states.get(log.health.text) || 0) + 1);
  setText(byId("logs-note"), knownLogs.length ? [...states].map(([text, many]) => many + " " + text).join(" · ") : "");
}

async function refreshLogs() {
  try {
    const { logs } = await ask("api/logs");
    const now = Date.now() / 1000 + clockAhead;
    for (const log of logs) judge(log, now);
    knownLogs = logs.sort((a, b) => a.health.order - b.health.order || b.behind - a.behind || (a.name || "").localeCompare(b.name || ""));
    showLogs();
    tellLogs();
    showLogNumbers(knownLogs);
  } catch (error) {
    setText(byId("logs-note"), "the logs cannot be asked for: " + (error.status ? error.message : "the server does not answer"));
  }
}

const startLogs = () => every(LOGS_MS, refreshLogs);
