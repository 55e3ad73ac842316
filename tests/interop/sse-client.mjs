// The TypeScript SDK 1.x as a client over HTTP+SSE.
//
//     node sse-client.mjs URL [--header 'Name: value'] [--gone]
//
// Drives a server with the tools echo, slow, progress, fail and big through the checks below and prints one line of JSON
// for each: {"check", "ok", "detail"}. Ends with 0 when all held. With --gone it leaves one call in flight, prints
// {"check": "in_flight"}, and expects to be told once the server has been killed.
//
// What this peer does that others do not:
//   * when the stream is lost it tells `onerror`, and its EventSource connects anew by itself without `initialize`; a
//     call in flight is not failed and waits for its own time-out;
//   * it takes a result at once and a notification a moment later, so that progress which arrives in one read with the
//     result of its call is lost: `onprogress` may miss the last ones;
//   * it sends `mcp-protocol-version` on each POST after `initialize`;
//   * it rejects a call as soon as its `AbortSignal` fires, and then sends `notifications/cancelled`;
//   * it sends POSTs of parallel calls on connections of their own, so that they arrive in any order.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { parseArgs } from 'node:util';
import { checks, gone, handshake, held, ping, report, watch } from './checks.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { header: { type: 'string', multiple: true, default: [] }, gone: { type: 'boolean', default: false } },
});
const headers = Object.fromEntries(values.header.map((header) => header.split(': ', 2)));

const transport = new SSEClientTransport(new URL(positionals[0]), { requestInit: { headers } });
let version;
const setProtocolVersion = transport.setProtocolVersion.bind(transport);
transport.setProtocolVersion = (each) => {
  version = each;
  setProtocolVersion(each);
};
const client = new Client({ name: 'interop', version: '1.0.0' });
await client.connect(transport);
const wire = watch(transport);
const callTool = client.callTool.bind(client);
client.callTool = (params, options) => callTool(params, undefined, options);

if (values.gone) await gone(client);
else {
  await handshake(client, version);
  await ping(client);
  await checks(client, wire);
}
await client.close();
report('close', true);
// An EventSource that is connecting anew would keep the process.
process.exit(held() ? 0 : 1);
