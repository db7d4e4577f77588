// What is told of a lite message, in the same words as /api/shares.
const S_PER_DAY = 86400;
const LIFETIMES = [[7, "up to 7 days"], [47, "8 to 47 days"], [90, "48 to 90 days"], [100, "91 to 100 days"],
  [200, "101 to 200 days"], [398, "201 to 398 days"], [Infinity, "over 398 days"]];
const LEVELS = [["2.23.140.1.2.1", "domain"], ["2.23.140.1.2.2", "organization"], ["2.23.140.1.1", "extended"],
  ["2.23.140.1.2.3", "individual"]];

function lifetimeOf(leaf) {
  if (leaf.not_after === null || leaf.not_before === null) return "";
  const days = Math.ceil((leaf.not_after - leaf.not_before + 1) / S_PER_DAY);
  return days < 1 ? "" : LIFETIMES.find(([limit]) => days <= limit)[1];
}

function keyOf(leaf) {
  const key = leaf.public_key;
  return key ? key.type + (key.bits ? " " + key.bits : key.curve ? " " + key.curve : "") : "";
}

function levelOf(leaf) {
  const policies = leaf.extensions.certificatePolicies || "";
  const found = LEVELS.find(([policy]) => policies.includes("Policy: " + policy + "\n"));
  return found ? found[1] : "";
}

const KEY_NAMES = { rsa: "RSA", ec: "EC", ed25519: "Ed25519", ed448: "Ed448", dsa: "DSA" };
function keyName(key) {
  const [type, ...rest] = key.split(" ");
  return [KEY_NAMES[type] || (/^(ml|slh)-dsa/.test(type) ? type.toUpperCase() : type), ...rest].join(" ");
}

const KIND_NAMES = { tiled: "tiled (static-ct-api)", rfc6962: "RFC 6962" };
const LEVEL_NAMES = { domain: "domain (DV)", organization: "organization (OV)", extended: "extended (EV)", individual: "individual (IV)" };

// A kind of share: either the streams have a filter for it, or this page looks at what comes itself.
const SHARES = {
  issuers: { title: "Issuers", filter: value => ["issuer", value] },
  operators: { title: "Log operators", filter: value => ["operator", value] },
  domains: { title: "Top-level domains", filter: value => ["domain", "*." + value], name: value => "." + value },
  keys: { title: "Keys", name: keyName, of: data => keyOf(data.leaf_cert) },
  lifetimes: { title: "Lifetimes", of: data => lifetimeOf(data.leaf_cert), order: LIFETIMES.map(([, name]) => name) },
  levels: { title: "Validation", name: value => LEVEL_NAMES[value] || value, of: data => levelOf(data.leaf_cert) },
  log_kinds: { title: "Kinds of log", name: value => KIND_NAMES[value] || value, of: data => data.source.type },
};
const shareName = (kind, value) => SHARES[kind].name ? SHARES[kind].name(value) : value;

// Which parts of `text` a filter of names asked for: [from, to] each.
function partsMatched(text, filter) {
  const at = filter.indexOf("="), kind = filter.slice(0, at), value = filter.slice(at + 1);
  const low = text.toLowerCase();
  if (kind === "domain") {
    const bare = value.replace(/^\*?\./, ""), dotted = "." + bare;
    if (low === bare && !value.startsWith("*.")) return [[0, low.length]];
    return value !== bare && low.endsWith(dotted) ? [[low.length - bare.length, low.length]] : [];
  }
  if (kind === "match") {
    const parts = [];
    for (let i = low.indexOf(value); value && i >= 0; i = low.indexOf(value, i + value.length)) parts.push([i, i + value.length]);
    return parts;
  }
  if (kind !== "regex" || value.length > 200) return [];
  try {
    const found = new RegExp(value, "i").exec(text);
    return found && found[0] ? [[found.index, found.index + found[0].length]] : [];
  } catch {
    return [];
  }
}

function marked(text, filters) {
  const parts = filters.flatMap(filter => partsMatched(text, filter)).sort((a, b) => a[0] - b[0]);
  const nodes = [];
  let at = 0;
  for (const [from, to] of parts) {
    if (from < at) continue;
    if (from > at) nodes.push(text.slice(at, from));
    nodes.push(made("mark", {}, text.slice(from, to)));
    at = to;
  }
  if (at < text.length || !nodes.length) nodes.push(text.slice(at));
  return nodes;
}
