// Commands with this server's address and the filters that are set; and the first message, to see what comes.
const PATHS = { lite: "", full: "full-stream", domains: "domains-only" }, TRY_MS = 30000;
let client = 0;

const streamQuery = extra => new URLSearchParams([...filters, ...Object.entries(extra || {})]);

const CLIENTS = [
  ["websocat", url => `websocat '${url.ws}'`],
  ["Python", url => `# pip install certstream
import certstream

def on_message(message, context):
    if message["message_type"] == "certificate_update":
        print(message["data"]["leaf_cert"]["all_domains"])
    elif message["message_type"] == "dns_entries":
        print(message["data"])

certstream.listen_for_events(on_message, url=${JSON.stringify(url.ws)})`],
  ["JavaScript", url => `// in browsers, and in Node.js from version 22
const socket = new WebSocket(${JSON.stringify(url.ws)});
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.message_type === "certificate_update") console.log(message.data.leaf_cert.all_domains);
  if (message.message_type === "dns_entries") console.log(message.data);
};`],
  ["Go", url => `// go get github.com/gorilla/websocket
package main

import (
	"fmt"
	"log"

	"github.com/gorilla/websocket"
)

func main() {
	connection, _, err := websocket.DefaultDialer.Dial(${JSON.stringify(url.ws)}, nil)
	if err != nil {
		log.Fatal(err)
	}
	for {
		_, message, err := connection.ReadMessage()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(message))
	}
}`],
  ["curl", url => `curl -N '${url.sse}'`],
  ["redis-cli", () => `redis-cli XREAD BLOCK 0 STREAMS '{certstream}:stream' '$'`],
];

function commandAddresses() {
  const stream = byId("stream").value;
  return { ws: socketAddress(PATHS[stream], streamQuery()).href, sse: address("sse", streamQuery({ stream })).href };
}

function showCommand() {
  setText(byId("command"), CLIENTS[client][1](commandAddresses()));
  const isRedis = CLIENTS[client][0] === "redis-cli";
  setText(byId("connect-note"), isRedis ? "straight from the Redis stream, on a machine that reaches it; Redis knows no filters" :
    query() ? "with the filter that is set above" : "every certificate; a filter that is set above comes with it");
}

function chooseClient(i) {
  client = (i + CLIENTS.length) % CLIENTS.length;
  [...byId("tabs").children].forEach((tab, at) => {
    tab.setAttribute("aria-selected", String(at === client));
    tab.tabIndex = at === client ? 0 : -1;
  });
  byId("panel").setAttribute("aria-labelledby", "tab-" + client);
  showCommand();
}

function walkTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  chooseClient([...byId("tabs").children].indexOf(event.target) + step);
  byId("tabs").children[client].focus();
}

function tryIt() {
  const began = performance.now(), note = byId("try-note"), tried = byId("tried");
  const socket = new WebSocket(socketAddress(PATHS[byId("stream").value], streamQuery({ dialect: "certstream" })));
  const end = text => {
    clearTimeout(patience);
    socket.onclose = null;
    socket.close();
    setText(note, text);
    byId("try").disabled = false;
  };
  const patience = setTimeout(() => end("nothing came within 30 seconds"), TRY_MS);
  byId("try").disabled = true;
  setText(note, "connecting");
  socket.onopen = () => setText(note, "connected, waiting for the first message");
  socket.onclose = () => end("the server refuses: is a filter wrong?");
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.message_type === "heartbeat") return;
    tried.hidden = false;
    setText(tried, JSON.stringify(message, null, 2));
    end(`the first message, after ${span((performance.now() - began) / 1000)}`);
  };
}

function startConnect() {
  byId("tabs").append(...CLIENTS.map(([name], i) => made("button", { type: "button", role: "tab", id: "tab-" + i, "aria-controls": "panel",
    onclick: () => chooseClient(i) }, name)));
  byId("tabs").addEventListener("keydown", walkTabs);
  byId("stream").addEventListener("change", showCommand);
  byId("copy-command").addEventListener("click", event => copy(byId("command").textContent, event.currentTarget));
  byId("try").addEventListener("click", tryIt);
  for (const anchor of document.querySelectorAll(".links a")) anchor.href = address(anchor.getAttribute("href"));
  chooseClient(0);
}
