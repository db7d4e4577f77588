// A browser that is asked for nothing but what a script says: over the DevTools pipe, without the network's events, of which
// playwright would get one for each message of a WebSocket.
import { spawn } from "node:child_process";

export class BareBrowser {
  constructor(executablePath, args) {
    this.program = spawn(executablePath, ["--remote-debugging-pipe", ...args, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.last = 0;
    let rest = "";
    this.program.stdio[4].on("data", data => {
      const parts = (rest + data).split("\0");
      rest = parts.pop();
      for (const message of parts.map(part => JSON.parse(part))) {
        this.waiting.get(message.id)?.(message);
        this.waiting.delete(message.id);
      }
    });
  }

  send(method, params = {}) {
    const id = ++this.last;
    this.program.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, ({ result, error }) => error ? reject(new Error(error.message)) : resolve(result)));
  }

  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url });
    this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value;
  }

  async screenshot() {
    return Buffer.from((await this.send("Page.captureScreenshot")).data, "base64");
  }

  close() {
    this.program.kill("SIGKILL");
  }
}
