// The checks that a client of the interop tests makes, written once for the TypeScript SDK's two major versions. Each prints
// one line of JSON: {"check", "ok", "detail"}.
//
// `client` is a client whose callTool(params, options) takes the options as its second argument, as 2.x has it.

const BOUND = 20_000;
let failures = 0;

/** Whether every check held. */
export const held = () => failures === 0;

export function report(check, ok, detail = '') {
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
    result = client.callTool({ name: 'progress', arguments: { steps, ms: 20 } }, options);
    result.catch(reject);
  });
  return { result };
}

/** What was negotiated. */
export async function handshake(client, version) {
  report('initialize', client.getServerVersion().name !== '', `${client.getServerVersion().name}, ${version}`);
}

/** The methods that the handshake eras have and 2026-07-28 has not. */
export async function ping(client) {
  await client.ping();
  report('ping', true);
}

/** The tools that every server of the interop tests offers; `wire` comes from `watch`. */
export async function checks(client, wire) {
  const call = (name, args = {}, options = {}) => client.callTool({ name, arguments: args }, options);

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
  // All of it on the wire; of what one read brings together with the result the SDK tells nothing, on a busy machine several.
  const complete = wire.progress - sent === 5 && seen.length > 0;
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

/** The resource, the prompt and the tool that asks. */
export async function checksOfTheRest(client) {
  const { resources } = await client.listResources();
  const { contents } = await client.readResource({ uri: 'memo://greeting' });
  const listed = resources.some(({ uri }) => uri === 'memo://greeting');
  report('resource', listed && contents[0].text === 'Good morning.', contents[0].text);

  const { messages } = await client.getPrompt({ name: 'greet', arguments: { name: 'Ada' } });
  report('prompt', messages[0].content.text === 'Greet Ada.', messages[0].content.text);

  const answer = await client.callTool({ name: 'ask', arguments: {} });
  report('elicitation', text(answer) === 'Hello, Ferris.', text(answer));
}

/** What the client says to the question of `ask`. */
export const answer = () => ({ action: 'accept', content: { name: 'Ferris' } });

/** Counts every progress notification on the wire, also those of calls that are over. For a client that is connected. */
export function watch(transport) {
  const wire = { progress: 0 };
  const { onmessage } = transport;
  transport.onmessage = (message, extra) => {
    wire.progress += message.method === 'notifications/progress' ? 1 : 0;
    onmessage(message, extra);
  };
  return wire;
}

/** Leaves a call in flight and expects to be told once the server is gone: by the call, or by the client. */
export async function gone(client) {
  const { result } = await longCall(client, 6000);
  const told = new Promise((resolve) => {
    client.onerror = resolve;
    client.onclose = () => resolve(new Error('closed'));
  });
  const failed = result.then(() => undefined, (error) => error);
  report('in_flight', true);
  const late = new Promise((resolve) => setTimeout(resolve, BOUND).unref());
  const error = await Promise.race([told, failed, late]);
  report('gone', error !== undefined, error?.message ?? `not told within ${BOUND} ms`);
}
