// The page in a real browser: node test_page.mjs BUILD MODULES [SCREENSHOTS [NAME...]]
//
// Each part, both themes, a phone, the keyboard alone, a streamer that is killed and comes back, a proxy's prefix, a token,
// 5,000 messages a second; no console error, nothing that the policy forbids, nothing that axe-core finds.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BareBrowser } from "./bare_browser.mjs";
import { loadModules, Stage, until } from "./stage.mjs";

const [build, modules, shots, ...names] = process.argv.slice(2);
const { chromium, axe, browser: executablePath } = loadModules(modules);
const stage = new Stage(build);
const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const DESKTOP = { width: 1280, height: 900 }, PHONE = { width: 390, height: 844 };
if (shots) mkdirSync(shots, { recursive: true });

let browser, url;
let complaints = []; // of the page that is open

// What a test provokes on purpose it names in `expected`.
async function open(address = url, { viewport = DESKTOP, colorScheme = "light", expected = /^$/, ...options } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  complaints = [];
  page.on("console", message => { if (message.type() === "error" && !expected.test(message.text())) complaints.push(message.text()); });
  page.on("pageerror", error => complaints.push("exception: " + error.stack));
  await page.goto(address);
  return page;
}

async function close(page) {
  await page.context().close();
  assert.deepEqual(complaints, []);
}

async function shot(page, name, options) {
  if (shots) await page.screenshot({ path: join(shots, name + ".png"), ...options });
}

const rows = page => page.locator("#certificates li button");
const isLive = page => page.locator("#state.good", { hasText: "live" }).waitFor();

async function look(page, what) {
  await page.evaluate(readFileSync(axe, "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const found = violations.flatMap(({ id, nodes }) => nodes.map(node => `${what}: ${id}: ${node.html.slice(0, 160)} ${node.any.map(({ message }) => message).join("; ")}`));
  assert.deepEqual(found, []);
}

async function filled(page) {
  await isLive(page);
  await rows(page).nth(5).waitFor();
  await page.locator("#chart path.all[d^=M]").waitFor({ state: "attached" });
  await page.locator("#shares-cards button.share").first().waitFor();
  await page.locator("#logs-list summary").first().waitFor();
}

const tests = {
  async "now: four numbers and a chart that moves"() {
    const page = await open();
    await filled(page);
    for (const id of ["rate", "today", "lag", "proven"]) await page.locator(`#${id}:not(:text-is("–"))`).waitFor();
    const before = await page.locator("#chart g").getAttribute("transform");
    await until("the chart to move", async () => await page.locator("#chart g").getAttribute("transform") !== before);
    const shares = await (await fetch(url + "api/shares")).json();
    const today = Number((await page.locator("#today").textContent()).replace(/,/g, ""));
    assert.ok(today > 0 && today <= shares.today.entries, `${today} of ${shares.today.entries}`);
    await page.mouse.move(640, 400);
    await page.locator("#plot").hover();
    await page.locator("#reading", { hasText: "precertificates" }).waitFor();
    await close(page);
  },

  async "feed: newest first, pausable, marked where it matched"() {
    const page = await open();
    await filled(page);
    const first = await rows(page).first().locator(".names").textContent();
    await page.mouse.move(5, 5);
    await until("another row", async () => await rows(page).first().locator(".names").textContent() !== first);
    await page.click("#pause");
    const held = await rows(page).first().locator(".names").textContent();
    const received = stage.length();
    await until("more in the stream", () => stage.length() > received + 10);
    assert.equal(await rows(page).first().locator(".names").textContent(), held);
    await page.click("#pause");
    await page.mouse.move(5, 5);
    await until("rows to go on", async () => await rows(page).first().locator(".names").textContent() !== held);
    await page.fill("#filter input", "match=e");
    await page.keyboard.press("Enter");
    await page.locator("#certificates mark").first().waitFor();
    assert.match(page.url(), /match=e/);
    await shot(page, "filtered");
    await page.locator("#chips button").first().click();
    await page.locator("#chips button").waitFor({ state: "detached" });
    await page.fill("#filter input", "nonsense=1");
    await page.keyboard.press("Enter");
    await page.locator("#wrong", { hasText: "nonsense" }).waitFor();
    complaints = complaints.filter(text => !/400/.test(text));
    await close(page);
  },

  async "a certificate: all of it, by click and by address"() {
    const page = await open(url, { acceptDownloads: true });
    await filled(page);
    await rows(page).nth(1).click();
    const detail = page.locator("#detail");
    await detail.getByRole("button", { name: "Save DER", exact: true }).first().waitFor();
    for (const text of ["SHA-256", "Extensions", "Chain", "Same certificate in these logs"]) await detail.getByText(text).first().waitFor();
    await until("where it is", async () => await detail.locator(".plain li").count() > 0);
    await look(page, "detail");
    await shot(page, "detail");
    const hash = /#cert=([0-9a-f]{64})$/.exec(page.url())[1];
    const saved = async name => {
      const [download] = await Promise.all([page.waitForEvent("download"), detail.getByRole("button", { name, exact: true }).first().click()]);
      return readFileSync(await download.path());
    };
    const der = await saved("Save DER"), pem = (await saved("Save PEM")).toString();
    const { createHash, X509Certificate } = await import("node:crypto");
    assert.equal(createHash("sha256").update(der).digest("hex"), hash);
    assert.equal(Buffer.from(pem.replace(/-----.*?-----|\n/g, ""), "base64").compare(der), 0);
    assert.equal(new X509Certificate(der).fingerprint256.replaceAll(":", "").toLowerCase(), hash);
    await page.keyboard.press("Escape");
    await until("it to close", async () => !await detail.evaluate(dialog => dialog.open));
    assert.doesNotMatch(page.url(), /#cert/);
    await page.goto(url + "#cert=" + hash);
    await detail.getByText(hash.toUpperCase().match(/../g).join(":")).first().waitFor();
    await close(page);
    const gone = await open(url + "#cert=" + "0".repeat(64), { expected: /404/ });
    await gone.locator("#detail .wrong", { hasText: "does not hold" }).waitFor();
    await close(gone);
  },

  async "who and what: a bar is a filter"() {
    const page = await open();
    await filled(page);
    for (const kind of ["issuers", "operators", "domains", "keys", "lifetimes", "levels", "log_kinds"])
      await page.locator(`[data-kind=${kind}] button.share`).first().waitFor();
    const issuer = page.locator("[data-kind=issuers] button.share").first();
    const name = await issuer.getAttribute("data-value");
    await issuer.click();
    assert.equal(new URL(page.url()).searchParams.get("issuer"), name);
    await page.locator(`[data-kind=issuers] button[data-value="${name}"][aria-pressed=true]`).waitFor();
    await page.locator("#certificates mark").first().waitFor();
    const key = page.locator("[data-kind=keys] button.share").first();
    const value = await key.getAttribute("data-value");
    await key.click();
    await page.locator("#chips", { hasText: "in this page only" }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get("only-keys"), value);
    await page.locator("#command", { hasText: "issuer=" }).waitFor();
    await page.locator("#shares").scrollIntoViewIfNeeded();
    await shot(page, "shares");
    await close(page);
  },

  async "logs: what needs attention first, in words"() {
    stage.addLog("a", { description: "Forked 2026h2", operator: "Some Operator", url: "https://forked.example/", quarantine: "fork",
      quarantine_since: Date.now() - 7200000, state: "quarantined", next: 123456, head_size: 130000, verified_size: 123456, lag_entries: 6544,
      lag_ms: 7200000, last_error: "quarantine: fork", owner: "host.1" });
    stage.addLog("b", { description: "Slow 2026h1", operator: "Another Operator", url: "https://slow.example/", state: "fetching ranges", next: 900000,
      head_size: 912345, verified_size: 900000, lag_entries: 12345, lag_ms: 95000, owner: "host.1" });
    stage.addLog("c", { description: "Forgotten 2025h2", operator: "Another Operator", url: "https://forgotten.example/", next: 5000, head_size: 5000,
      verified_size: 5000, updated: Date.now() - 600000, owner: "host.2" });
    const page = await open();
    await filled(page);
    await page.locator("#logs-list details").nth(4).waitFor();
    const words = await page.locator("#logs-list .health").allTextContents();
    assert.deepEqual(words, ["quarantined", "nobody reads", "behind", "well", "well"]);
    await page.locator("#logs-list summary").first().click();
    await page.locator(".verdict", { hasText: "rewritten its history" }).waitFor();
    await page.locator(".verdict", { hasText: "123,456 entries" }).waitFor();
    await page.locator("#logs").scrollIntoViewIfNeeded();
    await look(page, "quarantine");
    await shot(page, "quarantine");
    await page.locator("#proven:text-is('2 of 5') + #proven-note, #proven:text-is('3 of 5') + #proven-note", { hasText: "1 in quarantine, nobody reads 1" }).waitFor();
    await page.locator("#logs-list details:nth-child(2) .log-lag", { hasText: /^for 1\d min$/ }).waitFor();
    assert.equal(await page.locator("#logs-list .spark path[d^=M]").count() > 5, true);
    await close(page);
    for (const digit of "abc") {
      stage.redis("srem", "{certstream}:logs", digit.repeat(64));
      stage.redis("del", "{certstream}:log:" + digit.repeat(64));
    }
  },

  async "connect: commands that are right, and a try"() {
    const page = await open(url + "?domain=*.example.com&domain=.org");
    await isLive(page);
    const command = page.locator("#command");
    for (const [name, text] of [["websocat", `ws://127.0.0.1:${stage.port}/?domain=*.example.com&domain=.org'`], ["Python", "certstream.listen_for_events"],
      ["JavaScript", "new WebSocket"], ["Go", "websocket.DefaultDialer"], ["curl", `/sse?domain=*.example.com&domain=.org&stream=lite`], ["redis-cli", "XREAD"]]) {
      await page.getByRole("tab", { name }).click();
      assert.ok((await command.textContent()).includes(text), `${name}: ${await command.textContent()}`);
    }
    await page.getByRole("tab", { name: "curl" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator("#command", { hasText: "XREAD" }).waitFor();
    await close(page);
    const free = await open();
    await free.selectOption("#stream", "domains");
    await free.click("#try");
    await free.locator("#tried", { hasText: "dns_entries" }).waitFor();
    await free.locator("#connect").scrollIntoViewIfNeeded();
    await shot(free, "connect");
    await close(free);
  },

  async "both themes and a phone, without findings"() {
    for (const [name, options] of [["light", {}], ["dark", { colorScheme: "dark" }], ["phone", { viewport: PHONE, hasTouch: true, isMobile: true }],
      ["phone-dark", { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme: "dark" }]]) {
      const page = await open(url, options);
      await filled(page);
      await look(page, name);
      await shot(page, name);
      await shot(page, name + "-whole", { fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, name + " scrolls sideways");
      if (name.startsWith("phone")) {
        await page.locator("#feed-title").evaluate(title => title.scrollIntoView());
        await shot(page, name + "-feed");
        const [names, row] = await rows(page).nth(1).evaluate(entry => [entry.querySelector(".names"), entry].map(({ offsetWidth }) => offsetWidth));
        assert.ok(names > row * .85, `names of ${names} in a row of ${row}`);
      }
      await close(page);
    }
  },

  async "the keyboard alone"() {
    const page = await open();
    await filled(page);
    const reach = async (what, key = "Tab") => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press(key);
        if (await page.evaluate(selector => document.activeElement.matches(selector), what)) return;
      }
      throw new Error("the keyboard does not reach " + what);
    };
    await reach(".skip");
    await reach("#filter input");
    await page.keyboard.type("*.example.com");
    await page.keyboard.press("Enter");
    await page.locator("#chips button").waitFor();
    await reach("#chips button");
    await page.keyboard.press("Enter");
    await reach("#pause", "Tab").catch(() => reach("#pause", "Shift+Tab"));
    await page.keyboard.press("Space");
    await page.locator("#pause[aria-pressed=true]").waitFor();
    await rows(page).nth(3).waitFor();
    await reach("#feed-box");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator("#detail[open]").waitFor();
    await page.keyboard.press("Escape");
    await until("the focus to be back", () => page.evaluate(() => document.activeElement.matches(".entry")));
    await page.locator("#logs-list summary").first().focus();
    await page.keyboard.press("Enter");
    await page.locator("#logs-list details[open] .fields").waitFor();
    await close(page);
  },

  async "a streamer that is killed and comes back: nothing is lost, and a gap is told"() {
    const page = await open(url, { expected: /ERR_CONNECTION_REFUSED|WebSocket connection/ });
    await filled(page);
    await page.mouse.move(5, 5);
    await stage.kill("streamer");
    await page.locator("#state.bad", { hasText: /trying again \(since \d\d:\d\d:\d\d\)/ }).waitFor();
    await shot(page, "gone");
    await stage.startStreamer();
    await isLive(page);
    assert.equal(await page.locator("li.gap").count(), 0);
    await stage.kill("streamer");
    await page.locator("#state.bad").waitFor();
    const added = stage.length();
    await until("entries that nobody has seen", () => stage.length() > added + 60);
    stage.redis("xtrim", "{certstream}:stream", "MAXLEN", "20");
    await stage.startStreamer();
    await isLive(page);
    await page.locator("li.gap", { hasText: /entries of the stream are missing here: Redis does not hold them any more/i }).waitFor();
    await page.locator("li.gap").evaluate(row => row.scrollIntoView({ block: "center" }));
    await look(page, "gap");
    await shot(page, "gap");
    await close(page);
  },

  async "below a proxy's prefix"() {
    const proxy = await stage.startProxy("/ct/");
    const page = await open(proxy.url);
    await filled(page);
    await rows(page).nth(1).click();
    await page.locator("#detail").getByRole("button", { name: "Save DER", exact: true }).first().waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#command", { hasText: new URL(proxy.url).host + "/ct/" }).waitFor();
    await page.click("#try");
    await page.locator("#tried", { hasText: "certificate_update" }).waitFor();
    for (const link of await page.locator(".links a").evaluateAll(links => links.map(({ href }) => href))) assert.ok(link.startsWith(proxy.url), link);
    assert.deepEqual(proxy.outside, []);
    await close(page);
  },

  async "a token"() {
    const guarded = await stage.startStreamer(["--token", "0123456789abcdef0123456789abcdef"], "guarded", 0);
    const page = await open(guarded + "?token=0123456789abcdef0123456789abcdef");
    await filled(page);
    await rows(page).nth(1).click();
    await page.locator("#detail").getByRole("button", { name: "Save DER", exact: true }).first().waitFor();
    await page.keyboard.press("Escape");
    await page.click("[data-kind=operators] button.share");
    assert.match(page.url(), /token=0123456789abcdef0123456789abcdef/);
    await isLive(page);
    await close(page);
    await stage.kill("guarded");
  },

  async "nothing yet"() {
    const other = new Stage(build);
    try {
      await other.startRedis();
      const page = await open(await other.startStreamer());
      await page.locator("#empty", { hasText: "No certificate has come yet" }).waitFor();
      await isLive(page);
      await page.locator("#logs-list", { hasText: "No log is known yet" }).waitFor();
      await look(page, "empty");
      await shot(page, "empty", { fullPage: true });
      await close(page);
    } finally {
      other.close();
    }
  },

  // The last one: the stream is full of repeats afterwards. A machine that is busy otherwise reaches less.
  async "5,000 messages a second"() {
    const bare = new BareBrowser(executablePath, [...ARGUMENTS, "--user-data-dir=" + join(stage.folder, "bare"),
      `--window-size=${DESKTOP.width},${DESKTOP.height}`]);
    const pace = stage.repeatEntries(5000);
    const text = id => bare.evaluate(`document.getElementById("${id}").textContent`);
    try {
      await bare.open(url);
      await until("a sample", async () => /a sample is shown/.test(await text("feed-rate").catch(() => "")), 60000);
      const perSecond = async () => Number(/^([\d,]*)/.exec(await text("feed-rate"))[1].replace(/,/g, ""));
      await until("many a second", async () => await perSecond() >= Number(process.env.CERTSTREAM_PAGE_RATE || 500), 60000);
      const [frames, longest] = await bare.evaluate(`new Promise(resolve => {
        const times = [];
        const frame = time => {
          times.push(time);
          if (time - times[0] < 10000) return void requestAnimationFrame(frame);
          resolve([(times.length - 1) / (time - times[0]) * 1000, Math.max(...times.slice(1).map((at, i) => at - times[i]))]);
        };
        requestAnimationFrame(frame);
      })`);
      console.log(`  ${await perSecond()} messages a second, ${frames.toFixed(1)} frames a second, the longest ${longest.toFixed(0)} ms`);
      await until("an estimate", async () => /estimated from/.test(await text("shares-note")));
      assert.ok(await bare.evaluate(`document.querySelectorAll("#certificates li").length`) <= 120);
      assert.ok(frames > 2, `${frames} frames a second`);
      if (shots) writeFileSync(join(shots, "5000.png"), await bare.screenshot());
    } finally {
      await pace.stop();
      bare.close();
    }
  },
};

let failed = 0;
try {
  browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  await stage.startRedis();
  await stage.startLog(20);
  await until("entries", () => stage.length() > 250);
  url = await stage.startStreamer();
  for (const [name, test] of Object.entries(tests)) {
    if (names.length && !names.some(wanted => name.includes(wanted))) continue;
    try {
      await test();
      console.log("ok      " + name);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n${error.stack}\n${complaints.join("\n")}`);
      for (const context of browser.contexts()) {
        for (const page of context.pages()) await shot(page, "failed-" + name.replace(/\W+/g, "-"));
        await context.close();
      }
    }
  }
} finally {
  await browser?.close();
  stage.close();
}
process.exit(failed ? 1 : 0);
