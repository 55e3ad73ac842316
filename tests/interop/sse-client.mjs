// The TypeScript SDK as a client over HTTP+SSE.
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
//     result of its call is lost: `onprogress` may miss the last one;
//   * it sends `mcp-protocol-version` on each POST after `initialize`;
//   * it rejects a call as soon as its `AbortSignal` fires, and then sends `notifications/cancelled`;
//   * it sends POSTs of parallel calls on connections of their own, so that they arrive in any order.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { parseArgs } from 'node:util';

const BOUND = 20_000;
let failures = 0;

function report(check, ok, detail = '') {
  failures += ok ? 0 : 1;
  console.log(JSON.stringify({ check, ok: Boolean(ok), detail: String(detail).slice(0, 400) }));
}

const text = (result) => result.content.map((block) => (block.type === 'text' ? block.text : '')).join('');

async function listAllTools(client) {
  const tools = [];
  let cursor;
  do {
    const page = await client.listTools(cursor === undefined ? undefined : { cursor });
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return tools;
}

// Starts a long call and waits until it is under way. The promise is inside an object, or `await` would wait for it too.
async function longCall(client, steps, signal) {
  let result;
  await new Promise((resolve, reject) => {
    const options = { onprogress: resolve, signal, timeout: BOUND, resetTimeoutOnProgress: true };
    result = client.callTool({ name: 'progress', arguments: { steps, ms: 20 } }, undefined, options);
    result.catch(reject);
  });
  return { result };
}

async function checks(client, wire) {
  const call = (name, args = {}, options = {}) => client.callTool({ name, arguments: args }, undefined, options);

  report('initialize', client.getServerVersion().name !== '', `${client.getServerVersion().name}, ${wire.version}`);

  await client.ping();
  report('ping', true);

  const tools = await listAllTools(client);
  const missing = ['echo', 'slow', 'progress', 'fail', 'big'].filter((name) => !tools.some((tool) => tool.name === name));
  const schema = tools.find((tool) => tool.name === 'echo').inputSchema;
  report('list', missing.length === 0 && schema.type === 'object' && 'text' in schema.properties, tools.map((t) => t.name));

  const words = 'plain, "quoted", line\nbreak, \u00fcml\u00e4ut, \u2028, \u{1f980}';
  let answer = await call('echo', { text: words });
  report('call', text(answer) === words && !answer.isError, text(answer));

  answer = await call('big', { bytes: 300_000 });
  report('large result', text(answer).length === 300_000, text(answer).length);

  answer = await call('echo', { text: 'y'.repeat(300_000) });
  report('large call', text(answer).length === 300_000, text(answer).length);

  answer = await call('fail');
  report('tool error', answer.isError === true, text(answer));

  try {
    answer = await call('no_such_tool');
    report('unknown tool', answer.isError === true, `a result: ${text(answer)}`);
  } catch (error) {
    report('unknown tool', true, `an error: ${error.message}`);
  }

  const seen = [];
  const onprogress = ({ progress }) => seen.push(progress);
  const sent = wire.progress;
  answer = await call('progress', { steps: 5, ms: 10 }, { onprogress });
  const rising = seen.every((value, index) => index === 0 || seen[index - 1] < value);
  const complete = wire.progress - sent === 5 && seen.length >= 4;
  report('progress', complete && rising && !answer.isError, `${seen} of ${wire.progress - sent}`);

  const abort = new AbortController();
  const { result } = await longCall(client, 400, abort.signal);
  abort.abort('the user stopped');
  const rejected = await result.then(() => false, () => true);
  // The notification goes out beside later POSTs, so the server has surely seen it only some calls later.
  await call('slow', { ms: 200 });
  const before = wire.progress;
  await call('slow', { ms: 200 });
  report('cancel', rejected && wire.progress === before, `${wire.progress - before} progress after it`);

  const started = performance.now();
  const texts = Array.from({ length: 50 }, (_, number) => `call ${number}`);
  const answers = await Promise.all(texts.map((each) => call('echo', { text: each })));
  const same = answers.every((each, number) => text(each) === texts[number]);
  report('50 calls in parallel', same, `${((performance.now() - started) / 1000).toFixed(3)} s`);

  const slow = [1, 2, 3].map(() => call('slow', { ms: 200 }));
  const quick = await call('echo', { text: 'quick' });
  await Promise.all(slow);
  report('slow calls beside a quick one', text(quick) === 'quick');
}

async function gone(client) {
  const { result } = await longCall(client, 6000);
  const told = new Promise((resolve) => {
    client.onerror = resolve;
    client.onclose = () => resolve(new Error('closed'));
  });
  result.catch(() => {});
  report('in_flight', true);
  const late = new Promise((resolve) => setTimeout(resolve, BOUND).unref());
  const error = await Promise.race([told, late]);
  report('gone', error !== undefined, error?.message ?? `not told within ${BOUND} ms`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { header: { type: 'string', multiple: true, default: [] }, gone: { type: 'boolean', default: false } },
});
const headers = Object.fromEntries(values.header.map((header) => header.split(': ', 2)));

const transport = new SSEClientTransport(new URL(positionals[0]), { requestInit: { headers } });
const wire = { progress: 0, version: '' };
const setProtocolVersion = transport.setProtocolVersion.bind(transport);
transport.setProtocolVersion = (version) => {
  wire.version = version;
  setProtocolVersion(version);
};
const client = new Client({ name: 'interop', version: '1.0.0' });
await client.connect(transport);
// Counts every progress notification on the wire, also those of calls that are over.
const { onmessage } = transport;
transport.onmessage = (message, extra) => {
  wire.progress += message.method === 'notifications/progress' ? 1 : 0;
  onmessage(message, extra);
};

await (values.gone ? gone(client) : checks(client, wire));
await client.close();
report('close', true);
// An EventSource that is connecting anew would keep the process.
process.exit(failures === 0 ? 0 : 1);
