// The judge must find what the suite itself overlooks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults, judge, listFaults, listed } from './judge.mjs';

const check = (status, id = 'a-check') => ({ id, status });
const schema = check('SUCCESS', 'wire-schema-valid');

test('a scenario with a passed check and a valid wire passes', () => {
  assert.deepEqual(faults('server', 'ping', [check('SUCCESS'), check('SKIPPED'), check('INFO'), schema]), []);
});

test('a failure, a warning and an unknown status are faults', () => {
  for (const status of ['FAILURE', 'WARNING', 'MAYBE']) {
    const found = faults('server', 'ping', [check('SUCCESS'), check(status), schema]);
    assert.equal(found.length, 1);
    assert.match(found[0], new RegExp(`^${status} a-check`));
  }
});

test('a scenario that never ran or passed no check is a fault', () => {
  assert.deepEqual(faults('server', 'ping', undefined), ['never ran']);
  assert.deepEqual(faults('client', 'initialize', [check('INFO')], '0'), ['no check passed']);
});

test('the schema must have been looked at, where the suite does that', () => {
  assert.equal(faults('server', 'ping', [check('SUCCESS')]).length, 1);
  assert.equal(faults('server', 'server-stateless', [check('SUCCESS')]).length, 0);
  assert.equal(faults('client', 'tools_call', [check('SUCCESS')], '0').length, 1);
  assert.equal(faults('client', 'sse-retry', [check('SUCCESS')], '0').length, 0);
});

test('a client must end by itself and with success', () => {
  const of = (scenario, status) => faults('client', scenario, [check('SUCCESS')], status);
  assert.deepEqual(of('initialize', '0'), []);
  assert.deepEqual(of('initialize', '1'), ['the client ended with status 1']);
  assert.deepEqual(of('initialize', '124'), ['the client did not end in time']);
  assert.deepEqual(of('initialize', undefined), ['the client did not end']);
  assert.deepEqual(of('http-invalid-tool-headers', '1'), []);
  assert.deepEqual(of('http-invalid-tool-headers', '124'), ['the client did not end in time']);
});

const requirements = {
  client: ['initialize', 'auth/basic-cimd'],
  server: ['ping'],
  not_scored: [
    { scenario: 'json-schema', leg: 'client', reason: 'pending' },
    { scenario: 'auth/dpop', leg: 'client', reason: 'extension' },
  ],
};
const run = (results, expected = []) =>
  judge({
    role: 'client',
    revision: 'R',
    requirements,
    checks: (scenario) => (results[scenario] ? [check(results[scenario])] : undefined),
    status: () => '0',
    expected,
  });

test('an expected failure is excused, and only that', () => {
  const results = { initialize: 'SUCCESS', 'auth/basic-cimd': 'FAILURE', 'json-schema': 'SUCCESS' };
  assert.equal(run(results, ['auth/basic-cimd']).ok, true);
  assert.match(run(results, ['auth/basic-cimd']).summary, /^client R: 1 of 2 scenarios pass; 1 are expected to fail/);
  assert.equal(run(results).ok, false);
  assert.equal(run({ ...results, initialize: 'WARNING' }, ['auth/basic-cimd']).ok, false);
});

test('an expected failure that passes is a fault', () => {
  const results = { initialize: 'SUCCESS', 'auth/basic-cimd': 'SUCCESS', 'json-schema': 'SUCCESS' };
  assert.equal(run(results, ['auth/basic-cimd']).ok, false);
  assert.equal(run(results).ok, true);
});

test('what is not scored must pass too, extensions excepted', () => {
  const results = { initialize: 'SUCCESS', 'auth/basic-cimd': 'SUCCESS', 'json-schema': 'FAILURE' };
  assert.deepEqual([...run(results).wrong.keys()], ['json-schema (not scored)']);
});

test('nothing but authorization may be listed, and nothing that does not exist', () => {
  assert.deepEqual(listed('# why\nauth/a\n\n  auth/b\n'), ['auth/a', 'auth/b']);
  const known = new Set(['auth/a', 'initialize']);
  assert.deepEqual(listFaults(['auth/a'], known), []);
  assert.equal(listFaults(['initialize', 'auth/gone'], known).length, 2);
});
