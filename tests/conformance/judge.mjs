// What a run of the conformance suite is worth.
//
// The suite calls a requirement set passed when no required scenario holds a FAILURE. That overlooks warnings, a scenario
// without any check, and a client that crashed or hung once it had sent what was looked for. Here a scenario passes when
//   * it holds a SUCCESS, and neither FAILURE nor WARNING,
//   * every message was held against the revision's JSON schema, in the scenarios where the suite does that,
//   * the client ended by itself, with status 0 unless the scenario is one that it may well give up.
// Scenarios that run without counting must pass as well, extensions excepted.

// Here the client may end with an error: what is wanted is that it goes no further.
const MAY_END_WITH_ERROR = new Set([
  'auth/scope-retry-limit',
  'auth/resource-mismatch',
  'auth/iss-supported-missing',
  'auth/iss-wrong-issuer',
  'auth/iss-unexpected',
  'auth/iss-normalized',
  'auth/metadata-issuer-mismatch',
  'http-invalid-tool-headers',
]);

// Where the suite looks at the messages by hand, it does not hold them against the schema.
const SCHEMA = 'wire-schema-valid';
const SERVER_WITHOUT_SCHEMA = new Set([
  'server-stateless',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
  'server-session-lifecycle',
  'server-sse-polling',
]);
const CLIENT_WITH_SCHEMA = new Set(['tools_call', 'json-schema-2020-12-preservation']);

// What `timeout` of coreutils gives for a program that it ended.
const TIMED_OUT = ['124', '137'];

/** Why a scenario does not pass; an empty list when it does. `checks` is undefined where the suite left none. */
export function faults(role, scenario, checks, status) {
  if (checks === undefined) return ['never ran'];
  const found = [];
  const count = (wanted) => checks.filter((check) => check.status === wanted).length;
  if (count('SUCCESS') === 0) found.push('no check passed');
  for (const { id, status: result, errorMessage, details } of checks) {
    if (['SUCCESS', 'INFO', 'SKIPPED'].includes(result)) continue;
    found.push(`${result} ${id}: ${errorMessage ?? JSON.stringify(details ?? null)}`.slice(0, 600));
  }
  const schema = role === 'server' ? !SERVER_WITHOUT_SCHEMA.has(scenario) : CLIENT_WITH_SCHEMA.has(scenario);
  if (schema && !checks.some(({ id }) => id === SCHEMA)) found.push('no message was held against the schema');
  if (role === 'client') {
    if (status === undefined) found.push('the client did not end');
    else if (TIMED_OUT.includes(status)) found.push('the client did not end in time');
    else if (status !== '0' && !MAY_END_WITH_ERROR.has(scenario)) found.push(`the client ended with status ${status}`);
  }
  return found;
}

/** The scenarios of a list, one a line, without comments. */
export function listed(text) {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** What is wrong with the list of expected failures itself; `known` are the client scenarios of every requirement set. */
export function listFaults(expected, known) {
  const found = [];
  for (const scenario of expected) {
    if (!scenario.startsWith('auth/')) found.push(`${scenario} may not be listed: only scenarios of authorization may fail`);
    else if (!known.has(scenario)) found.push(`${scenario} is listed, but no requirement set has it`);
  }
  return found;
}

/**
 * The verdict on one run.
 *
 * `requirements` is a requirement set of the suite, `checks(scenario)` the checks that it left, `status(scenario)` the exit
 * status of the client, `expected` the client scenarios that are known to fail. Gives the summary line, what is wrong by
 * scenario, and whether the run is as it should be.
 */
export function judge({ role, revision, requirements, checks, status, expected }) {
  const required = requirements[role];
  const unscored = requirements.not_scored.filter((entry) => entry.leg === role && entry.reason !== 'extension');
  const known = role === 'client' ? expected : [];
  const total = { SUCCESS: 0, FAILURE: 0, WARNING: 0 };
  const wrong = new Map();
  let passed = 0;
  let excused = 0;
  for (const scenario of required) {
    for (const check of checks(scenario) ?? []) if (check.status in total) total[check.status] += 1;
    const found = faults(role, scenario, checks(scenario), status(scenario));
    if (found.length === 0) passed += 1;
    if (!known.includes(scenario)) wrong.set(scenario, found);
    else if (found.length === 0) wrong.set(scenario, ['passes: it must leave expected-failures.txt']);
    else excused += 1;
  }
  let also = 0;
  for (const { scenario } of unscored) {
    const found = faults(role, scenario, checks(scenario), status(scenario));
    also += found.length === 0 ? 1 : 0;
    wrong.set(`${scenario} (not scored)`, found);
  }
  for (const [scenario, found] of wrong) if (found.length === 0) wrong.delete(scenario);
  const parts = [
    `${role} ${revision}: ${passed} of ${required.length} scenarios pass`,
    ...(excused > 0 ? [`${excused} are expected to fail (expected-failures.txt)`] : []),
    `checks: ${total.SUCCESS} passed, ${total.FAILURE} failed, ${total.WARNING} warnings`,
    `not scored: ${also} of ${unscored.length} pass`,
  ];
  return { summary: parts.join('; '), wrong, ok: wrong.size === 0 && passed + excused === required.length };
}
