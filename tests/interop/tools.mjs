// What every server of the interop tests offers, written once for the TypeScript SDK's two major versions.
//
// `inside(extra)` makes one shape of what the two hand to a handler: { signal, progressToken, notify, ask }. `ask` gives the
// accepted content of a form or, where an era must be asked in another way, a result to return as it is: { instead }.

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

export const INSTRUCTIONS = 'Tools that show what a transport can do.';

/** The form by which `ask` asks. */
export const FORM = {
  message: 'What is your name?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
};

let stoppedEarly = 0;

const said = (text) => ({ content: [{ type: 'text', text }] });

// Waits, unless the request is cancelled: then counts it and gives up.
async function wait(ms, signal) {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    stoppedEarly += 1;
    throw error;
  }
}

/** Registers the tools. */
export function offerTools(server, inside) {
  const tool = (name, description, properties, run, more = {}) =>
    server.registerTool(name, { description, inputSchema: z.object(properties), ...more }, (args, extra) =>
      run(args, inside(extra)),
    );

  tool('echo', 'Gives the text back.', { text: z.string() }, ({ text }) => said(text));

  tool(
    'add',
    'Adds two numbers.',
    { a: z.number(), b: z.number() },
    ({ a, b }) => ({ ...said(String(a + b)), structuredContent: { sum: a + b } }),
    { outputSchema: z.object({ sum: z.number() }) },
  );

  tool('slow', 'Answers after a while.', { ms: z.number() }, async ({ ms }, { signal }) => {
    await wait(ms, signal);
    return said(`slept ${ms} ms`);
  });

  tool(
    'progress',
    'Tells of each step, with `ms` between them.',
    { steps: z.number(), ms: z.number().optional() },
    async ({ steps, ms = 0 }, { signal, notify, progressToken }) => {
      for (let step = 1; step <= steps; step += 1) {
        if (progressToken !== undefined) {
          const params = { progressToken, progress: step, total: steps, message: `step ${step}` };
          await notify({ method: 'notifications/progress', params });
        }
        await wait(ms, signal);
      }
      return said(`${steps} steps`);
    },
  );

  tool('fail', 'Always fails.', {}, () => {
    throw new Error('this tool always fails');
  });

  tool('big', 'Answers with that many bytes.', { bytes: z.number() }, ({ bytes }) => said('x'.repeat(bytes)));

  tool('logs', 'Sends log messages, then answers.', { count: z.number() }, async ({ count }, { notify }) => {
    for (let number = 1; number <= count; number += 1) {
      await notify({ method: 'notifications/message', params: { level: 'info', data: `log ${number}` } });
    }
    return said(`${count} logs`);
  });

  tool('cancelled', 'How many calls of `slow` and `progress` were cancelled.', {}, () => said(String(stoppedEarly)));
}

/** Registers the tool that asks, the resource and the prompt. `args` makes the prompt's arguments what the version wants. */
export function offerTheRest(server, inside, args) {
  server.registerTool('ask', { description: 'Asks for a name.' }, async (extra) => {
    const { content, instead } = await inside(extra).ask();
    return instead ?? said(content ? `Hello, ${content.name}.` : 'nobody');
  });
  server.registerResource('greeting', 'memo://greeting', { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'Good morning.' }],
  }));
  server.registerPrompt(
    'greet',
    { description: 'Greets somebody.', argsSchema: args({ name: z.string() }) },
    ({ name }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}.` } }] }),
  );
}

/** Says where a server listens, and ends it when it is asked to. */
export function announce(listener) {
  console.error(`listening on http://127.0.0.1:${listener.address().port}`);
  process.on('SIGTERM', () => {
    listener.close();
    listener.closeAllConnections();
    process.exit(0);
  });
}
