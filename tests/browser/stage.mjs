// The stage of the page's tests: Redis, a local CT log, ingest and streamers of the test's own, and a browser. Everything
// ends when close() is called, or with this process.
import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SKIPPED = 77; // as ctest knows it
const PREFIX = "{certstream}";

export function skip(why) {
  console.log("SKIPPED: " + why);
  process.exit(SKIPPED);
}

export async function until(what, condition, milliseconds = 30000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error("did not come: " + what);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

// playwright-core drives the browser that is installed, axe-core looks for what keeps people out.
export function loadModules(folder) {
  const load = () => {
    const require = createRequire(resolve(folder, "x.js"));
    return { chromium: require("playwright-core").chromium, axe: require.resolve("axe-core/axe.min.js") };
  };
  const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
  if (!browser) skip("there is no chromium here");
  if (spawnSync("redis-server", ["--version"]).error) skip("there is no redis-server here");
  if (!existsSync(join(folder, "node_modules", "axe-core"))) {
    mkdirSync(folder, { recursive: true });
    spawnSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--fetch-retries=0", "--prefix", folder,
      "playwright-core@1", "axe-core@4"], { stdio: "ignore", timeout: 120000 });
  }
  try {
    return { ...load(), browser };
  } catch {
    return skip("playwright-core and axe-core cannot be had from npm");
  }
}

export class Stage {
  constructor(build) {
    this.build = build;
    this.folder = mkdtempSync(join(tmpdir(), "certstream-page-"));
    this.socket = join(this.folder, "redis.sock");
    this.programs = new Map();
    process.on("exit", () => this.killAll());
  }

  // Waits for a line that says where it listens, or that it is ready.
  async start(name, command, args, ready) {
    const program = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.programs.set(name, program);
    let output = "";
    program.stdout.on("data", data => { output += data; });
    program.stderr.on("data", data => { program.said = ((program.said || "") + data).slice(-20000); });
    await until(name + " to be ready", () => {
      if (program.exitCode !== null) throw new Error(`${name} ended with ${program.exitCode}: ${program.said}`);
      return ready.test(output);
    });
    return output;
  }

  killAll() {
    for (const program of this.programs.values()) if (program.exitCode === null) program.kill("SIGKILL");
  }

  async kill(name) {
    const program = this.programs.get(name);
    this.programs.delete(name);
    program.kill("SIGKILL");
    await until(name + " to end", () => program.exitCode !== null || program.signalCode !== null);
  }

  async startRedis() {
    await this.start("redis", "redis-server", ["--port", "0", "--unixsocket", this.socket, "--save", "", "--dir", this.folder], /Ready|ready to accept/i);
  }

  redis(...command) {
    const { stdout, status, stderr } = spawnSync("redis-cli", ["-s", this.socket, ...command], { encoding: "utf8", maxBuffer: 64 << 20 });
    if (status !== 0) throw new Error("redis-cli: " + stderr);
    return stdout.trim();
  }

  async startLog(rate) {
    const output = await this.start("log", join(this.build, "tests/support/ct_log/local-ct-log"), ["--size", "400", "--rate", String(rate)], /listening on/);
    this.log = /http:\S+/.exec(output)[0];
    await this.start("ingest", join(this.build, "ingest/certstream-ingest"), ["--redis", "unix://" + this.socket, "--log-list", this.log + "/log_list.json",
      "--start", "-200", "--poll", "1", "--history", "off"], /ready/); // what is packed is no longer in what length() counts
  }

  // On the same port each time.
  async startStreamer(args = [], name = "streamer", port = this.port || 0) {
    const output = await this.start(name, join(this.build, "streamer/certstream-streamer"), ["--redis", "unix://" + this.socket, "--listen", "127.0.0.1",
      "--port", String(port), ...args], /listening on/);
    const url = /http:\S+/.exec(output)[0];
    if (name === "streamer") this.port = Number(/\d+$/.exec(url)[0]);
    await until("readiness", async () => (await fetch(url + "/readyz").catch(() => ({}))).status === 200);
    return url + "/";
  }

  length() {
    return Number(this.redis("xlen", PREFIX + ":stream"));
  }

  // A log that nobody reads but that is told of, with what its hash says.
  addLog(digit, fields) {
    const id = String(digit).repeat(64);
    this.redis("sadd", PREFIX + ":logs", id);
    this.redis("hset", `${PREFIX}:log:${id}`, ...Object.entries({ type: "tiled", list_state: "usable", state: "waiting", updated: Date.now() + 3600000,
      lag_entries: 0, lag_ms: 0, rate: 12.5, sth_age_s: 3, ...fields }).flat().map(String));
  }

  // Adds so many entries a second, those that are there again under other indexes, as if other logs had them.
  repeatEntries(perSecond) {
    const script = `local all = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 100)
      for made = 1, tonumber(ARGV[1]) do
        local fields = all[made % #all + 1][2]
        for i = 1, #fields, 2 do if fields[i] == 'index' then fields[i + 1] = tostring(redis.call('INCR', 'made')) end end
        redis.call('XADD', KEYS[1], 'MAXLEN', '~', '20000', '*', unpack(fields))
      end`;
    const began = Date.now();
    let made = 0, stopped = false;
    const work = (async () => {
      while (!stopped) {
        const due = Math.min(Math.floor((Date.now() - began) * perSecond / 1000) - made, perSecond);
        if (due > 0) await new Promise(done => execFile("redis-cli", ["-s", this.socket, "eval", script, "1", PREFIX + ":stream", String(due)], done));
        made += Math.max(due, 0);
        await new Promise(done => setTimeout(done, 50));
      }
    })();
    return { stop: () => { stopped = true; return work; } };
  }

  // What serves the streamer below a path, as nginx' proxy_pass does; what is asked for elsewhere is kept in `outside`.
  async startProxy(prefix) {
    const proxy = { outside: [] };
    const server = createServer((request, response) => {
      if (!request.url.startsWith(prefix)) {
        proxy.outside.push(request.url);
        response.writeHead(404).end();
        return;
      }
      fetch(`http://127.0.0.1:${this.port}/${request.url.slice(prefix.length)}`).then(async answer => {
        const headers = Object.fromEntries([...answer.headers].filter(([name]) => !/^(content-(length|encoding)|connection|keep-alive|transfer-encoding)$/.test(name)));
        response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
      }, () => response.writeHead(502).end());
    });
    server.on("upgrade", (request, socket) => {
      if (!request.url.startsWith(prefix)) {
        proxy.outside.push(request.url);
        socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
        return;
      }
      const upstream = connect(this.port, "127.0.0.1", () => {
        const lines = [`GET /${request.url.slice(prefix.length)} HTTP/1.1`];
        for (let i = 0; i < request.rawHeaders.length; i += 2) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
        upstream.write(lines.join("\r\n") + "\r\n\r\n");
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on("error", () => { socket.destroy(); upstream.destroy(); });
    });
    await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
    server.unref();
    proxy.url = `http://127.0.0.1:${server.address().port}${prefix}`;
    return proxy;
  }

  close() {
    this.killAll();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
