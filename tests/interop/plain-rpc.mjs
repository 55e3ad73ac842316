// A server without JSON-RPC under express, as sketches of MCP over SSE have it. It knows nothing of the SDK.
//
//     node plain-rpc.mjs [PORT]
//
// GET /mcp/sse     `data: {"timestamp": ..., "event": "data_update", "payload": {"value": 42}}`, every 10 ms
// POST /mcp/rpc    answers `tools/list` and `tools/call` in its own body; what fails is status 500 with `{"error": "..."}`
//
// Prints `listening on http://127.0.0.1:PORT` on stderr when ready; port 0 takes a free one.

import express from 'express';

const app = express();

app.get('/mcp/sse', (request, response) => {
  response.setHeader('Content-Type', 'text/event-stream');
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('Connection', 'keep-alive');
  response.setHeader('Access-Control-Allow-Origin', '*');
  const timer = setInterval(() => {
    const update = { timestamp: Date.now() / 1000, event: 'data_update', payload: { value: 42 } };
    response.write(`data: ${JSON.stringify(update)}\n\n`);
  }, 10);
  request.on('close', () => clearInterval(timer));
});

app.post('/mcp/rpc', express.json(), async (request, response) => {
  try {
    const { method, params } = request.body;
    if (method === 'tools/list') {
      response.json({ tools: [{ name: 'get_data', description: 'Gets data', inputSchema: { type: 'object' } }] });
    } else if (method === 'tools/call') {
      if (params.name !== 'get_data') throw new Error(`Unknown tool: ${params.name}`);
      response.json({ content: [{ type: 'text', text: `data ${params.arguments.id}` }] });
    } else {
      response.json({ error: 'Method not found' });
    }
  } catch (error) {
    response.status(500).json({ error: error.message });
  }
});

const server = app.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => {
  console.error(`listening on http://127.0.0.1:${server.address().port}`);
});
