// The servers on Node, one a process: `node servers.mjs vite PROJECT`, `node servers.mjs ws`, or the same with
// `ws deflate`, which compresses for clients that offer it.
//
// npm's Vite as it comes, on an empty project: its own HTTP server, token check and `server.ws`. And `ws`, the
// WebSocket library that Vite bundles, without Vite around it: one string, sent to each client in a loop.
// Each sends what hotchannel sends: a custom event with a text, serialised anew for every broadcast.
// Commands come on stdin, one a line, and each is answered with a line:
//
//   send SIZE COUNT PAUSE    that many broadcasts of SIZE bytes, PAUSE milliseconds after each
//   tell FILE PAUSE          the same with each JSON object of the list in FILE as data
//   cpu                      microseconds of processor time that the process has had, all threads

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as rest } from "node:timers/promises";

const EVENT = "bench:event";
const AROUND = '{"type":"custom","event":"bench:event","data":{"text":""}}'.length;
const TOKEN = "the-token-of-a-benchmark";

async function vite(root) {
  const { createServer } = await import("vite");
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1" },
  });
  await server.listen();
  return {
    port: server.httpServer.address().port,
    token: server.config.webSocketToken,
    broadcast: (data) => server.ws.send(EVENT, data),
  };
}

async function ws(perMessageDeflate) {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate,
    // Asked of a browser's handshake, as the others ask it.
    verifyClient: ({ req }) => new URL(req.url, "http://localhost").searchParams.get("token") === TOKEN,
  });
  // A client that is gone from one moment to the next is an error event, and without a listener the end.
  server.on("connection", (client) => client.on("error", () => {}));
  await new Promise((resolve) => server.on("listening", resolve));
  return {
    port: server.address().port,
    token: TOKEN,
    broadcast: (data) => {
      const text = JSON.stringify({ type: "custom", event: EVENT, data });
      for (const client of server.clients) client.send(text);
    },
  };
}

async function obey({ port, token, broadcast }) {
  async function sendAll(messages, pause) {
    for (const data of messages) {
      broadcast(data);
      await rest(pause);
    }
    console.log("sent");
  }

  console.log(`ready ${port} ${token}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(" ");
    if (command === "send") {
      const [size, count, pause] = words.map(Number);
      await sendAll(Array(count).fill({ text: "x".repeat(size - AROUND) }), pause);
    } else if (command === "tell") {
      await sendAll(JSON.parse(readFileSync(words[0], "utf8")), Number(words[1]));
    } else {
      const { user, system } = process.cpuUsage();
      console.log(`cpu ${user + system}`);
    }
  }
}

const [kind, more] = process.argv.slice(2);
await obey(await (kind === "vite" ? vite(more) : ws(more === "deflate")));
// The listening sockets would keep the process alive.
process.exit(0);
