// One run of the conformance suite: a role and a requirement set. run.sh starts it.
//
//     node run.mjs server-2026-07-28
//
// Starts the server (or has the suite start the clients), bounds the time of everything, ends what it started, and hands
// what the suite wrote to judge.mjs. Ends with 0 when the run is as it should be.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { judge, listFaults, listed } from './judge.mjs';

const HERE = import.meta.dirname;
const SUITE = join(HERE, 'node_modules/@modelcontextprotocol/conformance');
const REVISIONS = ['2025-11-25', '2026-07-28'];
const READY = 'listening on ';
const START_MS = 20_000;
// A server takes some 20 s for a set; one that answers nothing takes up to 30 s a scenario and is given up before that.
const SUITE_MS = 240_000;

const [, role, revision] = /^(server|client)-(.*)$/.exec(process.argv[2] ?? '') ?? [];
if (!REVISIONS.includes(revision)) {
  console.error(`not a run: ${process.argv[2]}`);
  process.exit(2);
}
const program = process.env[role === 'server' ? 'CONFORMANCE_SERVER' : 'CONFORMANCE_CLIENT'] ?? '';
if (!existsSync(program)) {
  console.error(`there is no program to judge: \`${program}\``);
  process.exit(2);
}
const requirements = Object.fromEntries(
  REVISIONS.map((each) => [each, parse(readFileSync(join(SUITE, 'requirements', `${each}.yaml`), 'utf8'))]),
);
const expected = listed(readFileSync(join(HERE, 'expected-failures.txt'), 'utf8'));
const output = mkdtempSync(join(tmpdir(), `conformance-${role}-${revision}-`));
const started = [];

// Each in a process group of its own, so that what it starts ends with it.
function start(program, args, log) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(String(error)));
    child.on('close', (code, signal) => resolve(signal ?? code));
  }).then((how) => {
    writeFileSync(join(output, log), said);
    return how;
  });
  started.push({ child, ended });
  return { child, ended };
}

function kill({ child }, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended already, and so has its group.
  }
}

async function endAll() {
  for (const each of started) {
    kill(each, 'SIGTERM');
    await within(3000, each.ended);
    kill(each, 'SIGKILL');
    await each.ended;
  }
}

function within(ms, promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(() => resolve('late'), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// The server chooses a free port and says which.
async function serverUrl() {
  const server = start(program, ['--listen', '127.0.0.1:0'], 'server.log');
  const ready = new Promise((resolve) => {
    createInterface({ input: server.child.stderr }).on('line', (line) => {
      if (line.startsWith(READY)) resolve(new URL('/mcp', line.slice(READY.length)).href);
    });
  });
  const url = await within(START_MS, Promise.race([ready, server.ended.then(() => undefined)]));
  if (typeof url === 'string' && url.startsWith('http')) return url;
  throw new Error(`${program} did not say \`${READY}...\`; see ${join(output, 'server.log')}`);
}

async function suite() {
  const args = [join(SUITE, 'dist/index.js'), role, '--requirements', revision, '-o', join(output, 'out')];
  if (role === 'server') args.push('--url', await serverUrl());
  else {
    mkdirSync(join(output, 'status'));
    // The suite hands it to a shell, cut at each blank and joined again.
    const quoted = [join(HERE, 'client.sh'), join(output, 'status'), program].map((each) => `'${each}'`);
    args.push('--command', `sh ${quoted.join(' ')}`);
  }
  // Its own exit status is not asked: the judge is stricter.
  const ended = await within(SUITE_MS, start(process.execPath, args, 'suite.log').ended);
  if (ended === 'late') console.error(`the suite did not end within ${SUITE_MS / 1000} s`);
}

// `auth/basic-cimd-2026-07-28T10-00-00-000Z`, `server-tools-list-2026-...` -> the scenario; one folder for each.
function written(folder) {
  const found = new Map();
  if (!existsSync(folder)) return found;
  for (const file of readdirSync(folder, { recursive: true })) {
    if (!file.endsWith('checks.json')) continue;
    const name = relative('.', dirname(file)).split(sep).join('/');
    const scenario = name.replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '').replace(role === 'server' ? /^server-/ : /^$/, '');
    found.set(scenario, join(folder, dirname(file)));
  }
  return found;
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => endAll().then(() => process.exit(130)));
}
try {
  await suite();
} catch (error) {
  console.error(error.message);
} finally {
  await endAll();
}

const folders = written(join(output, 'out'));
const file = (scenario, name) => (folders.has(scenario) ? read(join(folders.get(scenario), name)) : undefined);
const checks = (scenario) => {
  try {
    return JSON.parse(file(scenario, 'checks.json'));
  } catch {
    // The suite was ended before it had written it all: as good as nothing.
    return undefined;
  }
};
const status = (scenario) => read(join(output, 'status', scenario.replaceAll('/', '@')));
const verdict = judge({ role, revision, requirements: requirements[revision], checks, status, expected });
const known = new Set(REVISIONS.flatMap((each) => requirements[each].client));
const broken = listFaults(expected, known);

console.log(verdict.summary);
for (const fault of broken) console.log(`  expected-failures.txt: ${fault}`);
for (const [scenario, found] of verdict.wrong) {
  console.log(`  ${scenario}`);
  for (const each of found) console.log(`    ${each.replaceAll('\n', '\n      ')}`);
  const said = file(scenario.replace(' (not scored)', ''), 'stderr.txt');
  if (said) console.log(`    the client said: ${said.split('\n').slice(-4).join('\n      ').slice(-800)}`);
}
const ok = verdict.ok && broken.length === 0;
if (ok && process.env.CONFORMANCE_KEEP === undefined) rmSync(output, { recursive: true });
else console.log(`  what the suite wrote: ${output}`);
process.exit(ok ? 0 : 1);
