// One of several workers that share out the certificates among themselves.
//
//     npm install ioredis && REDIS_URL=redis://127.0.0.1:6379 node worker.mjs NAME
//
// Each entry goes to one worker; if that one dies with it, to another after IDLE_MS. So each is
// handled at least once: what handle() does must not mind a second time.
import Redis from "ioredis";

const stream = (process.env.PREFIX ?? "{certstream}") + ":stream";
const group = process.env.GROUP ?? "hunters";
const idleMs = Number(process.env.IDLE_MS ?? 60000);
const name = process.argv[2];

// Yours. Throwing leaves the entry pending: it is handed out again.
function handle(id, fields) {
  if (fields.control) return; // what an administrator ordered; no certificate
  console.log([id, ...JSON.parse(fields.domains)].join(" "));
}

// ["field", "value", …] as an object; binary fields (der) are best read with xreadgroupBuffer.
function object(list) {
  const fields = {};
  for (let i = 0; i < list.length; i += 2) fields[list[i]] = list[i + 1];
  return fields;
}

async function handleAll(entries) {
  for (const [id, list] of entries) {
    if (list?.length) handle(id, object(list));
    else console.error(`${id} was trimmed before it was handled`);
  }
  if (entries.length) await server.xack(stream, group, ...entries.map(([id]) => id));
}

async function read(position) {
  const answer = await server.xreadgroup(
    "GROUP", group, name, "COUNT", 100, "BLOCK", 5000, "STREAMS", stream, position);
  return answer ? answer[0][1] : [];
}

async function claim() {
  let cursor = "0-0";
  do {
    const [next, entries] = await server.xautoclaim(
      stream, group, name, idleMs, cursor, "COUNT", 100);
    await handleAll(entries);
    cursor = next;
  } while (cursor !== "0-0");
}

const server = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379", {
  maxRetriesPerRequest: null, // wait for Redis however long it is away
});
server.on("error", (error) => console.error(error.message));

await server.xgroup("CREATE", stream, group, "$", "MKSTREAM").catch((error) => {
  if (!error.message.startsWith("BUSYGROUP")) throw error;
});
// What this name had not finished when it stopped.
for (let entries; (entries = await read("0")).length; ) await handleAll(entries);
for (let claimAt = 0; ; ) {
  if (performance.now() >= claimAt) {
    await claim();
    claimAt = performance.now() + idleMs;
  }
  await handleAll(await read(">"));
}
