// The TypeScript SDK 1.x as a server over HTTP+SSE, under express, as its users write it.
//
//     node sse-server.mjs [PORT]
//
// GET /sse opens a session, POST /messages?sessionId=... takes its messages. Prints `listening on http://127.0.0.1:PORT`
// on stderr when ready; port 0 takes a free one.
//
// What this peer does that others do not:
//   * it sends no keep-alive at all: a stream may be silent for hours;
//   * it leaves unknown sessions to the program; this one answers 400 and `No transport found for sessionId`, as the
//     common example does;
//   * it gives an unknown tool as a result with `isError`, not as a JSON-RPC error;
//   * it does not answer a cancelled request.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import express from 'express';
import { INSTRUCTIONS, announce, offerTools } from './tools.mjs';

function server() {
  const tools = new McpServer(
    { name: 'typescript', version: '1.0.0' },
    { capabilities: { logging: {} }, instructions: INSTRUCTIONS },
  );
  offerTools(tools, ({ signal, sendNotification, _meta }) => ({
    signal,
    notify: sendNotification,
    progressToken: _meta?.progressToken,
  }));
  return tools;
}

const app = express();
const transports = {};

app.get('/sse', async (_request, response) => {
  const transport = new SSEServerTransport('/messages', response);
  transports[transport.sessionId] = transport;
  response.on('close', () => {
    delete transports[transport.sessionId];
  });
  await server().connect(transport);
});

app.post('/messages', async (request, response) => {
  const transport = transports[request.query.sessionId];
  if (transport === undefined) {
    response.status(400).send('No transport found for sessionId');
    return;
  }
  await transport.handlePostMessage(request, response);
});

const listener = app.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => announce(listener));
