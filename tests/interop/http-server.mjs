// The TypeScript SDK 1.x as a server over Streamable HTTP (2025-11-25 and before) or stdio, as its users write it.
//
//     node http-server.mjs [PORT]
//     node http-server.mjs --stdio
//
// Serves /mcp with one transport for each session. Prints `listening on http://127.0.0.1:PORT` on stderr when ready; port 0
// takes a free one.
//
// What this peer does that others do not:
//   * `ask` sends its question on the standalone GET stream, not on that of the call it belongs to; where no such stream
//     is open the question is lost without a word;
//   * every answer is an event stream, without event ids and without a priming event;
//   * a request that names a revision it does not know gets 400 and a JSON-RPC error whose id is null;
//   * it leaves unknown sessions to the program; this one answers 404, as the specification says.

import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { FORM, INSTRUCTIONS, announce, offerTheRest, offerTools } from './tools.mjs';

function server() {
  const all = new McpServer(
    { name: 'typescript', version: '1.0.0' },
    { capabilities: { logging: {} }, instructions: INSTRUCTIONS },
  );
  const inside = ({ signal, sendNotification, _meta }) => ({
    signal,
    notify: sendNotification,
    progressToken: _meta?.progressToken,
    ask: async () => {
      const { action, content } = await all.server.elicitInput(FORM);
      return { content: action === 'accept' ? content : undefined };
    },
  });
  offerTools(all, inside);
  offerTheRest(all, inside, (shape) => shape);
  return all;
}

if (process.argv[2] === '--stdio') {
  await server().connect(new StdioServerTransport());
} else {
  const app = express();
  const transports = {};
  app.all('/mcp', async (request, response) => {
    const known = transports[request.headers['mcp-session-id']];
    if (known === undefined && request.headers['mcp-session-id'] !== undefined) {
      response.status(404).json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null });
      return;
    }
    const transport =
      known ??
      new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => {
          transports[id] = transport;
        },
        onsessionclosed: (id) => {
          delete transports[id];
        },
      });
    if (known === undefined) await server().connect(transport);
    await transport.handleRequest(request, response);
  });
  const listener = app.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => announce(listener));
}
