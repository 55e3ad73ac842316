// The TypeScript SDK 2.x as a client of either era over Streamable HTTP or stdio.
//
//     node modern-client.mjs [--era initialize|discover|auto] [--gone] URL
//     node modern-client.mjs [--era ...] [--gone] --stdio -- PROGRAM ARGUMENT ...
//
// Drives a server through checks.mjs. Ends with 0 when all held. With --gone it leaves one call in flight, prints
// {"check": "in_flight"}, and expects to be told once the server has been killed.
//
// What this peer does that others do not:
//   * in `auto` over stdio it asks `server/discover` of a process of its own, ends that one, and starts another for the
//     session: a server is started twice.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { parseArgs } from 'node:util';
import { answer, checks, checksOfTheRest, gone, handshake, held, report, watch } from './checks.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    era: { type: 'string', default: 'auto' },
    gone: { type: 'boolean', default: false },
    stdio: { type: 'boolean', default: false },
  },
});

const [command, ...args] = positionals;
const transport = values.stdio
  ? new StdioClientTransport({ command, args })
  : new StreamableHTTPClientTransport(new URL(command));
const mode = { initialize: 'legacy', discover: { pin: '2026-07-28' }, auto: 'auto' }[values.era];
const client = new Client(
  { name: 'interop', version: '1.0.0' },
  { capabilities: { elicitation: {} }, versionNegotiation: { mode } },
);
client.setRequestHandler('elicitation/create', answer);
await client.connect(transport);
const wire = watch(transport);

if (values.gone) await gone(client);
else {
  await handshake(client, client.getNegotiatedProtocolVersion());
  await checks(client, wire);
  await checksOfTheRest(client);
}
await client.close();
report('close', true);
process.exit(held() ? 0 : 1);
