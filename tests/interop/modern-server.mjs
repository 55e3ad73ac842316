// The TypeScript SDK 2.x as a server of both eras over Streamable HTTP or stdio, as its users write it.
//
//     node modern-server.mjs [PORT]
//     node modern-server.mjs --stdio
//
// Prints `listening on http://127.0.0.1:PORT` on stderr when ready; port 0 takes a free one.
//
// What this peer does that others do not:
//   * over HTTP it serves the handshake revisions without sessions: no Mcp-Session-Id, 405 to GET and DELETE, and a tool
//     that asks its user fails there;
//   * `ask` gives no state with its question, so the answer alone makes the second round.

import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, acceptedContent, createMcpHandler, inputRequired } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { FORM, INSTRUCTIONS, announce, offerTheRest, offerTools } from './tools.mjs';

function server() {
  const all = new McpServer(
    { name: 'typescript-2', version: '1.0.0' },
    { capabilities: { logging: {} }, instructions: INSTRUCTIONS },
  );
  const inside = ({ mcpReq }) => ({
    signal: mcpReq.signal,
    notify: mcpReq.notify,
    progressToken: mcpReq._meta?.progressToken,
    ask: () => {
      const content = acceptedContent(mcpReq.inputResponses, 'name');
      if (content !== undefined || mcpReq.inputResponses?.name !== undefined) return { content };
      return { instead: inputRequired({ inputRequests: { name: inputRequired.elicit(FORM) } }) };
    },
  });
  offerTools(all, inside);
  offerTheRest(all, inside, (shape) => z.object(shape));
  return all;
}

if (process.argv[2] === '--stdio') {
  serveStdio(server);
} else {
  const listener = createServer(toNodeHandler(createMcpHandler(server)));
  listener.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => announce(listener));
}
