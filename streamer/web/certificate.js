// One certificate, all of it: #cert=<SHA-256> of the page's address opens it too.
const HASH = "#cert=";
// An entry whose certificate could not be found has none.
const bare = fingerprint => (fingerprint || "").replace(/:/g, "").toLowerCase();

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}

function pem(base64) {
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/(.{64})(?=.)/g, "$1\n")}\n-----END CERTIFICATE-----\n`;
}

// A fingerprint folds between its bytes, and is copied as it is.
function foldable(value) {
  return /^([0-9A-F]{2}:){15,}/.test(value) ? value.split(/(?<=:)/).flatMap(byte => [byte, made("wbr")]) : [value];
}

function table(rows) {
  return made("table.table", {}, made("tbody", {}, ...rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => made("tr", {}, made("th", { scope: "row" }, name), made("td", {}, ...foldable(value))))));
}

function part(title, ...content) {
  return made("section.part", {}, made("h3", {}, title), ...content);
}

function action(text, work, strong) {
  return made("button" + (strong ? ".strong" : ""), { type: "button", onclick: event => work(event.currentTarget) }, text);
}

function link(text, url) {
  return made("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);
}

// The logs that promised to take it (RFC 6962 section 3.3): the extension's value is an OCTET STRING with a list.
function readScts(text) {
  const scts = [];
  try {
    const bytes = bytesOf(text.replace(/-/g, "+").replace(/_/g, "/")), view = new DataView(bytes.buffer);
    let at = bytes[0] !== 4 ? 0 : bytes[1] < 128 ? 2 : 2 + (bytes[1] & 127);
    const end = Math.min(bytes.length, at + 2 + view.getUint16(at));
    for (at += 2; at + 45 <= end; at += 2 + view.getUint16(at))
      scts.push({ id: btoa(String.fromCharCode(...bytes.subarray(at + 3, at + 35))), time: Number(view.getBigUint64(at + 35)) / 1000 });
  } catch { /* It is what the certificate says, and may be anything. */ }
  return scts;
}

const logName = id => knownLogs.find(log => log.log_id === id)?.name || "a log that is not followed here, " + id;
const certHash = sha256 => HASH + bare(sha256);

function placeRow({ name, index, type, sha256 }) {
  return made("li", {}, made("a", { href: sha256 ? certHash(sha256) : null }, `${name}, entry ${number(index)}`),
    made("span.quiet", {}, type === "PrecertLogEntry" ? "  as precertificate" : "  as certificate"));
}

// Where else it is: by what this page has seen, by the newest entries with its name, by the promises within it.
async function fillPlaces(list, data) {
  const leaf = data.leaf_cert;
  const show = () => {
    const places = [...(seen.get(leaf.tbs_sha256) || new Map()).values()].map(placeRow);
    const scts = readScts(leaf.extensions.ctlSignedCertificateTimestamp || "").map(sct =>
      made("li", {}, logName(sct.id), made("span.quiet", {}, "  promised " + fullTime(sct.time))));
    list.replaceChildren(...places, ...scts);
  };
  note({ data });
  show();
  const name = leaf.all_domains[0];
  if (!name || !leaf.tbs_sha256) return;
  try {
    const { messages } = await ask("latest.json", { domain: name.replace(/^\*/, ""), dialect: "certstream" });
    messages.filter(message => message.data.leaf_cert.tbs_sha256 === leaf.tbs_sha256).forEach(note);
    show();
  } catch { /* A name that is no domain: then what is known has to do. */ }
}

function nameRows(name) {
  const labels = { C: "country", CN: "common name", L: "place", O: "organization", OU: "unit", ST: "state", emailAddress: "e-mail" };
  const rows = Object.keys(labels).filter(key => name[key]).map(key => `${name[key]}  (${labels[key]})`);
  return rows.length ? rows.join("\n") : null;
}

function validity(leaf) {
  if (leaf.not_before === null || leaf.not_after === null) return "cannot be read";
  const days = Math.round((leaf.not_after - leaf.not_before + 1) / S_PER_DAY), now = Date.now() / 1000;
  const left = leaf.not_after < now ? "over since " + span(now - leaf.not_after) :
    leaf.not_before > now ? "begins in " + span(leaf.not_before - now) : "ends in " + span(leaf.not_after - now);
  return `${fullTime(leaf.not_before)} to ${fullTime(leaf.not_after)}\n${count(days, "day")}, ${left}`;
}

function certificateRows(leaf) {
  const key = leaf.public_key;
  return [["Subject", nameRows(leaf.subject)], ["Issuer", nameRows(leaf.issuer)], ["Valid", validity(leaf)],
    ["Validation", LEVEL_NAMES[levelOf(leaf)]], ["Addresses", (leaf.all_ips || []).join("\n")],
    ["Key", key ? keyName(keyOf(leaf)) : null], ["Signature", leaf.signature_algorithm], ["Certificate authority", leaf.is_ca ? "yes" : "no"],
    ["Serial number", leaf.serial_number], ["SHA-256", leaf.sha256], ["SHA-1", leaf.sha1], ["SHA-256 of the key", key?.spki_sha256],
    ["SHA-256 of the TBS", leaf.tbs_sha256]];
}

function extensionRows(extensions) {
  return Object.entries(extensions).map(([name, value]) => [name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/^./, c => c.toUpperCase()).replace(/^Ctl /, "CT "),
    Array.isArray(value) ? value.join("\n") : value === true ? "yes" : value === null ? "cannot be read" : String(value).trim()]);
}

function sourceRows(data) {
  return [["Log", data.source.name], ["Operator", data.source.operator], ["Kind", KIND_NAMES[data.source.type]], ["Entry", number(data.cert_index)],
    ["Of type", data.update_type === "PrecertLogEntry" ? "precertificate: logged before the certificate was issued" : "certificate"],
    ["Accepted by the log", fullTime(data.submission_timestamp)], ["Seen here", fullTime(data.seen)],
    ["Could not be read", data.parse_error], ["Chain", data.source.chain_bound === false ? "what was submitted is not what the log proves" : null]];
}

function chainPart(chain) {
  return part("Chain", ...(chain.length ? chain.map(issuer => made("details", {}, made("summary", {}, issuer.subject.aggregated || issuer.sha256),
    issuer.as_der ? made("p.actions", {}, action("Copy PEM", button => copy(pem(issuer.as_der), button)),
      action("Save DER", () => save(bare(issuer.sha256) + ".der", "application/pkix-cert", bytesOf(issuer.as_der)))) : "",
    table(certificateRows(issuer)))) : [made("p.quiet", {}, "The log has no chain for it.")]));
}

function actionsPart(data) {
  const leaf = data.leaf_cert, hash = bare(leaf.sha256), buttons = [];
  if (leaf.as_der) {
    const chain = [leaf, ...data.chain].filter(certificate => certificate.as_der).map(certificate => pem(certificate.as_der)).join("");
    buttons.push(action("Copy PEM", button => copy(pem(leaf.as_der), button), true),
      action("Save PEM", () => save(hash + ".pem", "application/x-pem-file", pem(leaf.as_der))),
      action("Save DER", () => save(hash + ".der", "application/pkix-cert", bytesOf(leaf.as_der))),
      action("Save PEM with chain", () => save(hash + "-chain.pem", "application/x-pem-file", chain)));
  }
  return made("div.actions", {}, ...buttons, action("Copy JSON", button => copy(JSON.stringify(data, null, 2), button)),
    made("span.elsewhere", {}, "Look it up:", link("this server", address("api/cert/" + hash)), link("crt.sh", "https://crt.sh/?q=" + hash),
      link("Censys", "https://search.censys.io/certificates/" + hash),
      data.cert_link && /^https?:/.test(data.cert_link) ? link("the log", data.cert_link) : ""));
}

function showCertificate(data, matched, missing) {
  const leaf = data.leaf_cert, names = leaf.all_domains, places = made("ul.plain");
  setText(byId("detail-title"), names[0] || leaf.subject.CN || "A certificate without names");
  byId("detail-body").replaceChildren(
    actionsPart(data), ...(missing ? [made("p.wrong", {}, missing)] : []),
    part(count(names.length, "name"), made("ul.names-list", { tabindex: "0", "aria-label": "Names" }, ...names.map(name => made("li", {}, ...marked(name, matched))))),
    part("Certificate", table(certificateRows(leaf))), part("Same certificate in these logs", places),
    part("Entry", table(sourceRows(data))), part("Extensions", table(extensionRows(leaf.extensions))),
    ...(data.chain ? [chainPart(data.chain)] : []));
  fillPlaces(places, data);
}

let opener = null;

// What is at hand is shown at once; the chain and the DER come from the server.
async function openCertificate(sha256, message) {
  const dialog = byId("detail"), hash = bare(sha256), matched = message?.matched || [];
  if (!dialog.open) {
    opener = document.activeElement;
    dialog.showModal();
  }
  dialog.dataset.hash = hash;
  byId("detail-body").scrollTop = 0;
  if (hash && location.hash !== HASH + hash) history.replaceState(null, "", location.pathname + location.search + HASH + hash);
  if (message) showCertificate(message.data, matched);
  else {
    setText(byId("detail-title"), "Certificate");
    byId("detail-body").replaceChildren(made("p.quiet", {}, "asking for " + hash));
  }
  if (!hash) return;
  try {
    const full = await ask("api/cert/" + hash, { dialect: "certstream" });
    if (dialog.dataset.hash === hash && dialog.open) showCertificate(full.data, matched);
  } catch (error) {
    if (dialog.dataset.hash !== hash) return;
    const why = error.status === 404 ? "The stream does not hold this certificate any more" : "The server cannot be asked now: " + error.message;
    if (message) showCertificate(message.data, matched, why + ", so its chain and its DER are not here.");
    else byId("detail-body").replaceChildren(made("p.wrong", {}, why + "."), made("p.actions", {}, link("crt.sh", "https://crt.sh/?q=" + hash)));
  }
}

function openFromAddress() {
  const hash = location.hash.startsWith(HASH) ? location.hash.slice(HASH.length).toLowerCase() : "";
  if (/^([0-9a-f]{64}|[0-9a-f]{40})$/.test(hash) && (!byId("detail").open || byId("detail").dataset.hash !== hash)) openCertificate(hash);
}

function startDetail() {
  const dialog = byId("detail");
  byId("detail-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    if (opener?.isConnected) opener.focus();
  });
  addEventListener("hashchange", openFromAddress);
  openFromAddress();
}
