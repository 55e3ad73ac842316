// The TypeScript SDK 1.x as a client over Streamable HTTP or stdio.
//
//     node http-client.mjs [--gone] URL
//     node http-client.mjs [--gone] --stdio -- PROGRAM ARGUMENT ...
//
// Drives a server through checks.mjs. Ends with 0 when all held. With --gone it leaves one call in flight, prints
// {"check": "in_flight"}, and expects to be told once the server has been killed.
//
// What this peer does that others do not:
//   * it opens its GET stream as soon as it has sent `notifications/initialized`, and goes on without waiting for it;
//   * it ends a session with DELETE only when the program says so, as this one does.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { parseArgs } from 'node:util';
import { answer, checks, checksOfTheRest, gone, handshake, held, ping, report, watch } from './checks.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { gone: { type: 'boolean', default: false }, stdio: { type: 'boolean', default: false } },
});

const [command, ...args] = positionals;
const transport = values.stdio
  ? new StdioClientTransport({ command, args })
  : new StreamableHTTPClientTransport(new URL(command));
const client = new Client({ name: 'interop', version: '1.0.0' }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, answer);
await client.connect(transport);
const wire = watch(transport);
const callTool = client.callTool.bind(client);
client.callTool = (params, options) => callTool(params, undefined, options);

if (values.gone) await gone(client);
else {
  await handshake(client, transport.protocolVersion);
  await ping(client);
  await checks(client, wire);
  await checksOfTheRest(client);
  await transport.terminateSession?.();
}
await client.close();
report('close', true);
process.exit(held() ? 0 : 1);
