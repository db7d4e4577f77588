// The feed. However many messages come, so many rows are made a second; the others are counted, and not even parsed.
const ROWS = 120, TURN_MS = 250, ROWS_PER_TURN = 6, WAITING = 400, LOOKED_AT_PER_TURN = 120, AGAIN_MS = 2000, AGAIN_MAX_MS = 15000;
const UPDATE = '{"message_type":"certificate_update"', NAMES_SHOWN = 3, SEEN_MAX = 5000;
const feed = { generation: 0, socket: null, waiting: [], gaps: [], newest: "", paused: false, received: 0, shown: 0, seconds: [],
  again: 0, failures: 0, rows: new Map() };
const seen = new Map(); // tbs_sha256 → where this page has seen it: for "same certificate in these logs"

function note(message) {
  const { leaf_cert: leaf, source, cert_index: index, update_type: type } = message.data;
  if (!leaf.tbs_sha256) return;
  const places = seen.get(leaf.tbs_sha256) || new Map();
  places.set(source.log_id + index, { name: source.name, index, type, sha256: leaf.sha256 });
  seen.delete(leaf.tbs_sha256);
  seen.set(leaf.tbs_sha256, places);
  if (seen.size > SEEN_MAX) seen.delete(seen.keys().next().value);
}

function nameNodes(names, matched) {
  const hits = matched.length ? names.filter(name => matched.some(filter => partsMatched(name, filter).length)) : [];
  const ordered = hits.length ? [...new Set([...hits, ...names])] : names;
  const nodes = [made("b", {}, ...(ordered.length ? marked(ordered[0], matched) : ["no names"]))];
  for (const name of ordered.slice(1, NAMES_SHOWN)) nodes.push(made("i", {}, ...marked(name, matched)));
  if (ordered.length > NAMES_SHOWN) nodes.push(made("i", {}, `and ${number(ordered.length - NAMES_SHOWN)} more`));
  return nodes;
}

// What matched is the issuer or the log as a whole.
function whole(text, matched, names) {
  return matched.some(filter => names.includes(filter.slice(0, filter.indexOf("=")))) ? made("mark", {}, text) : text;
}

function row(message) {
  const { data, matched = [] } = message, leaf = data.leaf_cert;
  const issuer = leaf.issuer.O || leaf.issuer.CN || "no issuer";
  return made("li", {}, made("button.entry", { type: "button", onclick: () => openCertificate(leaf.sha256, message) },
    made("span.names", {}, ...nameNodes(leaf.all_domains, matched)),
    made("span.issuer", { title: leaf.issuer.aggregated }, whole(issuer, matched, ["issuer"])),
    made("span.log", { title: data.source.operator }, whole(data.source.name, matched, ["log", "operator"])),
    made("span.kind", {}, data.update_type === "PrecertLogEntry" ? "precert" : "cert"),
    made("span.time", {}, clockTime(data.seen))));
}

const GAP_REASONS = { trimmed: "Redis does not hold them any more", slow: "this page was too slow to take them" };

function gapRow({ missed, reason, from, to }) {
  const what = missed === null || missed === undefined ? "Entries" : count(missed, "entry", "entries");
  return made("li.gap", { title: from && to ? `after ${from}, up to ${to}` : "" },
    `${what} of the stream ${missed === 1 ? "is" : "are"} missing here: ${GAP_REASONS[reason] || reason}.`);
}

function showRows(rows) {
  const list = byId("certificates");
  if (!rows.length) return;
  list.prepend(...rows.reverse());
  while (list.children.length > ROWS) list.lastElementChild.remove();
  byId("empty").hidden = true;
}

function showEmpty() {
  byId("empty").hidden = byId("certificates").children.length > 0;
  setText(byId("empty"), query() || only.size ? "Nothing passes this filter among the newest entries.\nWhat comes and passes appears here." :
    "No certificate has come yet.\nWhen ingest publishes one, it appears here; the logs below say how far they are.");
}

// Who reads is not disturbed.
function isHeld() {
  const box = byId("feed-box");
  return feed.paused || box.scrollTop > 8 || (matchMedia("(hover: hover)").matches && box.matches(":hover")) ||
    byId("certificates").contains(document.activeElement) || byId("detail").open;
}

// The newest of what came, in their order; what waits longer than a second is passed over. With a filter of this page's
// own, those that pass it.
function takeRows() {
  const rows = [], kept = only.size ? LOOKED_AT_PER_TURN : ROWS_PER_TURN * 4;
  if (feed.waiting.length > kept) feed.waiting.splice(0, feed.waiting.length - kept);
  while (feed.waiting.length && rows.length < ROWS_PER_TURN) {
    const message = JSON.parse(feed.waiting.shift());
    feed.newest = message.id;
    note(message);
    if (passesPage(message.data)) rows.push(row(message));
  }
  feed.shown += rows.length;
  return rows;
}

// A lost connection goes on behind what came, shown or not.
function rememberNewest() {
  if (feed.waiting.length) feed.newest = JSON.parse(feed.waiting[feed.waiting.length - 1]).id;
}

function turn() {
  if (isHeld() && (feed.paused || byId("detail").open || byId("certificates").children.length)) return;
  const gaps = feed.gaps.map(gapRow);
  feed.gaps = [];
  showRows([...gaps, ...takeRows()]);
}

function tellRate() {
  feed.seconds = [...feed.seconds, [feed.received, feed.shown]].slice(-RATE_S);
  feed.received = feed.shown = 0;
  const [received, shown] = feed.seconds.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]).map(sum => sum / feed.seconds.length);
  const held = isHeld() && !byId("detail").open;
  if (!feed.socket || feed.socket.readyState !== WebSocket.OPEN) return setText(byId("feed-rate"), "");
  setText(byId("feed-rate"), `${rate(received)} a second ${query() ? "pass the filter" : "come"}` +
    (feed.paused ? "; paused" : held ? "; the list waits while you read" : only.size ? `; a sample of them is looked at` :
      received > shown * 1.05 + .2 && shown ? `; a sample is shown, the newest ${rate(shown)} a second` : ""));
}

function take(text) {
  if (text.startsWith(UPDATE)) {
    feed.received++;
    feed.waiting.push(text);
    if (feed.waiting.length >= 2 * WAITING) feed.waiting.splice(0, WAITING);
    return;
  }
  const message = JSON.parse(text);
  const gap = message.message_type === "gap" ? message.data : message.gap;
  if (gap) feed.gaps.push(gap);
}

function retry(text) {
  say("bad", text);
  clearTimeout(feed.again);
  feed.again = setTimeout(connectFeed, Math.min(AGAIN_MS * 1.5 ** feed.failures++, AGAIN_MAX_MS));
}

function listen(mine) {
  const parameters = new URLSearchParams(filters);
  parameters.set("dialect", "certstream");
  parameters.set("gap", "1");
  if (feed.newest) parameters.set("since", feed.newest);
  const socket = feed.socket = new WebSocket(socketAddress("", parameters));
  let opened = false;
  socket.onopen = () => {
    opened = true;
    feed.failures = 0;
    if (mine === feed.generation) say("good", "live");
  };
  socket.onmessage = event => { if (mine === feed.generation) take(event.data); };
  socket.onclose = event => {
    if (mine !== feed.generation) return;
    // The position is of another stream, perhaps: what was between is not known.
    if (!opened && feed.newest && feed.failures > 1) {
      feed.gaps.push({ missed: null, reason: "the server does not know where this page was" });
      feed.newest = "";
    }
    retry(event.reason ? `closed: ${event.reason}; trying again` : opened ? "the connection is gone; trying again" : "the server refuses; trying again");
  };
}

function showFirst(messages) {
  const rows = messages.filter(message => passesPage(message.data)).reverse();
  messages.forEach(note);
  showRows(rows.map(row));
}

// The newest ones first: they also say what is wrong with a filter, which a WebSocket cannot.
async function connectFeed() {
  const mine = ++feed.generation;
  clearTimeout(feed.again);
  rememberNewest();
  feed.socket?.close();
  try {
    const parameters = new URLSearchParams(filters);
    parameters.set("dialect", "certstream");
    const { messages } = await ask("latest.json", parameters);
    if (mine !== feed.generation) return;
    byId("wrong").hidden = true;
    if (!feed.newest && messages.length) {
      feed.newest = messages[0].id;
      showFirst(messages);
    }
    showEmpty();
    listen(mine);
  } catch (error) {
    if (mine !== feed.generation) return;
    byId("wrong").hidden = error.status !== 400;
    setText(byId("wrong"), error.status === 400 ? "This filter is not understood: " + error.message : "");
    if (error.status === 400) return void say("", "waiting for another filter");
    retry(error.status ? `${error.message}; trying again` : "the server does not answer; trying again");
  }
}

function startFeed() {
  Object.assign(feed, { waiting: [], gaps: [], newest: "", seconds: [], received: 0, shown: 0, failures: 0 });
  byId("certificates").replaceChildren();
  byId("empty").hidden = true;
  say("", "connecting");
  connectFeed();
}

function pause(event) {
  feed.paused = !feed.paused;
  event.currentTarget.setAttribute("aria-pressed", String(feed.paused));
  setText(event.currentTarget, feed.paused ? "Go on" : "Pause");
  tellRate();
}

// Arrows go from row to row.
function walk(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const item = document.activeElement.closest("#certificates li");
  if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
  let next = item ? item[step] : byId("certificates").firstElementChild;
  while (next && !next.querySelector("button")) next = next[step];
  if (!next) return;
  event.preventDefault();
  next.querySelector("button").focus();
}

function startFeedTurns() {
  setInterval(turn, TURN_MS);
  setInterval(tellRate, 1000);
  byId("pause").addEventListener("click", pause);
  byId("feed-box").addEventListener("keydown", walk);
}
