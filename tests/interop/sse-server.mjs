// The TypeScript SDK as a server over HTTP+SSE, under express, as its users write it.
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

import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import express from 'express';
import { z } from 'zod';

let stoppedEarly = 0;

const said = (text) => ({ content: [{ type: 'text', text }] });

function server() {
  const tools = new McpServer(
    { name: 'typescript', version: '1.0.0' },
    { capabilities: { logging: {} }, instructions: 'Tools that show what a transport can do.' },
  );

  // Waits, unless the request is cancelled: then counts it and gives up.
  const wait = async (ms, signal) => {
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      stoppedEarly += 1;
      throw error;
    }
  };

  tools.registerTool('echo', { description: 'Gives the text back.', inputSchema: { text: z.string() } }, ({ text }) =>
    said(text),
  );

  tools.registerTool(
    'add',
    {
      description: 'Adds two numbers.',
      inputSchema: { a: z.number(), b: z.number() },
      outputSchema: { sum: z.number() },
    },
    ({ a, b }) => ({ ...said(String(a + b)), structuredContent: { sum: a + b } }),
  );

  tools.registerTool(
    'slow',
    { description: 'Answers after a while.', inputSchema: { ms: z.number() } },
    async ({ ms }, { signal }) => {
      await wait(ms, signal);
      return said(`slept ${ms} ms`);
    },
  );

  tools.registerTool(
    'progress',
    {
      description: 'Tells of each step, with `ms` between them.',
      inputSchema: { steps: z.number(), ms: z.number().optional() },
    },
    async ({ steps, ms = 0 }, { signal, sendNotification, _meta }) => {
      const progressToken = _meta?.progressToken;
      for (let step = 1; step <= steps; step += 1) {
        if (progressToken !== undefined) {
          const params = { progressToken, progress: step, total: steps, message: `step ${step}` };
          await sendNotification({ method: 'notifications/progress', params });
        }
        await wait(ms, signal);
      }
      return said(`${steps} steps`);
    },
  );

  tools.registerTool('fail', { description: 'Always fails.' }, () => {
    throw new Error('this tool always fails');
  });

  tools.registerTool(
    'big',
    { description: 'Answers with that many bytes.', inputSchema: { bytes: z.number() } },
    ({ bytes }) => said('x'.repeat(bytes)),
  );

  tools.registerTool(
    'logs',
    { description: 'Sends log messages, then answers.', inputSchema: { count: z.number() } },
    async ({ count }, { sendNotification }) => {
      for (let number = 1; number <= count; number += 1) {
        const params = { level: 'info', data: `log ${number}` };
        await sendNotification({ method: 'notifications/message', params });
      }
      return said(`${count} logs`);
    },
  );

  tools.registerTool('cancelled', { description: 'How many calls of `slow` and `progress` were cancelled.' }, () =>
    said(String(stoppedEarly)),
  );

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

const listener = app.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.error(`listening on http://127.0.0.1:${listener.address().port}`);
});
process.on('SIGTERM', () => {
  listener.close();
  listener.closeAllConnections();
  process.exit(0);
});
