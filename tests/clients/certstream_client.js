// The `certstream` client of npm on every stream at once: node certstream_client.js FOLDER_OF_MODULES ws://HOST:PORT QUERY COUNT
// Prints "STREAM NUMBER" for each certificate and ends after COUNT on each.
"use strict";

const [modules, base, query, count] = process.argv.slice(2);
const CertStreamClient = require(modules + "/certstream");
const streams = { lite: "/", full: "/full-stream", domains: "/domains-only" };
let open = Object.keys(streams).length;

function numberOf(message) {
  return message.message_type === "dns_entries" ? parseInt(message.data[0], 10) : message.data.cert_index;
}

for (const [name, path] of Object.entries(streams)) {
  let seen = 0;
  new CertStreamClient((message) => {
    if (message.message_type === "heartbeat")
      return;
    console.log(name + " " + numberOf(message));
    if (++seen === Number(count) && --open === 0)
      process.exit(0);
  }).connect(base + path + query);
}
