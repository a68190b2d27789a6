// Types that a payer does not give: what is taken for unknown, what for missing, and what a token does not reach.
import { expect, test } from 'vitest';
import { recentAlerts } from '../../exchange/alerts/alert.ts';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { recordAbilities } from '../../exchange/peers/peer-health.ts';
import type { Abilities } from '../../exchange/requester/client/abilities.ts';
import { PeerFault } from '../../exchange/requester/client/peer-fetch.ts';
import { acceptLeft } from '../../exchange/requester/incomplete-pulls.ts';
import { askWithout, outOfReach } from '../../exchange/requester/refused-types.ts';
import { type PullReport, pullReport } from '../../exchange/requester/report/pull-report.ts';
import { reportSummary } from '../../exchange/requester/report/report-tables.ts';
import { type Handler, json, type Script, scriptedPeer, status } from '../support/scripted-peer.ts';
import { planDay } from './plan-fixture.ts';

const TYPES = ['Patient', 'ExplanationOfBenefit', 'Encounter', 'Observation', 'Goal'];
const outcome = (diagnostics: string): string =>
  JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'invalid', diagnostics }] });
/** A payer that answers 400 with `says` while one of the types is none of `gives`, or there are more than `most`. */
const asked = (gives: readonly string[], says: string, most = 99, isOfChanges = false) =>
  askWithout(
    TYPES,
    ['Observation'],
    async (types) => {
      if (types.length > most || types.some((t) => !gives.includes(t)))
        throw new PeerFault('kick-off-400', { said: outcome(says) });
      return types.join();
    },
    isOfChanges,
  );

test('what a payer names as unknown is; what no answer names, or is refused of changes, is missing', async () => {
  const goal = await asked(TYPES.slice(0, 4), 'Unknown type Goal');
  expect(goal).toEqual({ answer: TYPES.slice(0, 4).join(), left: [{ type: 'Goal', why: 'unknown' }] });
  // too many types, and nothing said: claims were taken for unknown, and not asked for in 90 days without a word
  const few = await asked(TYPES, 'bad request', 2);
  expect(few.answer).toBe('Patient,Observation');
  expect(few.left).toEqual(['ExplanationOfBenefit', 'Encounter', 'Goal'].map((type) => ({ type, why: 'refused' })));
  // a time that it does not take for one of them
  const since = await asked(
    ['Patient', 'Observation', 'Goal', 'Encounter'],
    '_since of ExplanationOfBenefit',
    99,
    true,
  );
  expect(since.left).toEqual([{ type: 'ExplanationOfBenefit', why: 'refused' }]);
  // what is wrong for every list is no fault of a type
  await expect(asked([], '_typeFilter is not supported')).rejects.toThrow('kick-off-400');
  await expect(asked(TYPES.slice(1), 'Patient is not yours')).rejects.toThrow('kick-off-400');
});

test('types beyond the scopes of a token', () => {
  expect(outOfReach(['system/*.rs', 'system/Patient.rs'], TYPES)).toEqual([]);
  expect(outOfReach(['system/Patient.rs', 'system/Observation.read', 'system/Goal.c'], TYPES)).toEqual([
    'ExplanationOfBenefit',
    'Encounter',
    'Goal',
  ]);
  for (const none of [[], ['system/Group.rs'], ['launch', 'nonsense/*']]) expect(outOfReach(none, TYPES)).toEqual([]);
});

test('a token of fewer scopes than were asked for is reported on the report; refused types are an alert until they come', async () => {
  const peer = await scriptedPeer();
  try {
    const { deps } = peer.node;
    const token = (scope: string): Script => ({
      'POST /token': (_, a) => json(a, { access_token: 't', token_type: 'Bearer', expires_in: '300', scope }),
    });
    const words = async (id: string) => reportSummary((await pullReport(deps, id)) as PullReport).join(' ');
    const narrow = await peer.pull(token('system/Patient.rs system/Observation.rs'));
    expect(narrow.state).toBe('done');
    expect(await words(narrow.id)).toMatch(
      /The token of Scripted Plan does not reach records of [^:]*ExplanationOfBenefit/,
    );
    expect(await words(narrow.id)).not.toMatch(/reach records of [^:]*Observation/);
    const wide = await peer.pull(token('system/*.rs'));
    expect(await words(wide.id)).not.toContain('does not reach');

    const alerts = async () => {
      await keepAlerts(deps);
      const rows = await deps.database
        .sql`select subject, amount from exchange.alert where kind = 'types-refused' and cleared_at is null`;
      return [...rows];
    };
    expect(await alerts()).toEqual([]);
    const claims: Handler = (r, a, body) =>
      body.includes('ExplanationOfBenefit')
        ? status(403, JSON.parse(outcome('ExplanationOfBenefit is not yours')) as object)(r, a, body)
        : void a.writeHead(202, { 'content-location': `${peer.base}/status/export` }).end();
    let n = 0;
    await peer.pull({
      'POST /fhir/Group/g1/$davinci-data-export': claims,
      'GET /status/export': (_, a) =>
        json(a, peer.manifest(n++ === 0 ? [{ type: 'Coverage', url: `${peer.base}/f/c` }] : [peer.file('/f/1', 2)])),
    });
    expect(await alerts()).toEqual([{ subject: 'scripted', amount: 1 }]);
    // the alert leads to the answer that someone may take as it is, and the report says so
    const [listed] = await recentAlerts(deps.database.sql, 9);
    const first = await pullReport(deps, listed?.decided ?? '');
    expect(first?.left).toBe('types');
    expect(reportSummary(first as PullReport).join(' ')).toContain('accepts that they are missing');
    const accept = (id: string) =>
      deps.database.sql.begin((tx) =>
        acceptLeft(tx, id, 'done', { subject: 'x|1', name: 'Ana' }, 'asked them', deps.clock(), planDay(deps.clock())),
      );
    expect(await accept(narrow.id)).toBeUndefined();
    expect(await accept(listed?.decided ?? '')).toBe('types');
    expect(await accept(listed?.decided ?? '')).toBeUndefined();
    expect(await alerts()).toEqual([]);
    // it is known: the next answers without them are no news, however many; another type is
    const pullAlerts = async () => {
      await keepAlerts(deps);
      return [
        ...(await deps.database.sql`select kind from exchange.alert where kind like 'pull-%' and cleared_at is null`),
      ];
    };
    for (let i = 0; i < 3; i++) await peer.pull({}, { full: true });
    expect([await alerts(), await pullAlerts()]).toEqual([[], []]);
    // the last of a coverage that ended long ago lacks nothing else either
    const { sql } = deps.database;
    const [before] = await sql`select ends from exchange.other_coverage`;
    await sql`update exchange.other_coverage set ends = (now() at time zone 'America/New_York')::date - 91`;
    expect(await pullAlerts()).toEqual([]);
    await sql`update exchange.other_coverage set ends = ${before?.['ends'] ?? null}`;
    const lacks = async () => (await findPeer(deps.database.sql, 'scripted'))?.abilities as Abilities;
    const both = await lacks();
    await recordAbilities(
      deps.database.sql,
      'scripted',
      { ...both, lacks: [...both.lacks, 'refused:Goal'] },
      deps.clock(),
    );
    await peer.pull({}, { full: true });
    expect(await alerts()).toEqual([{ subject: 'scripted', amount: 1 }]);
    await recordAbilities(deps.database.sql, 'scripted', both, deps.clock());
    await peer.pull({}, { full: true });
    expect(await alerts()).toEqual([]);
    // what came meanwhile and is missing again is news
    await peer.record({});
    await peer.pull({}, { full: true });
    await recordAbilities(deps.database.sql, 'scripted', both, deps.clock());
    await peer.pull({}, { full: true });
    expect(await alerts()).toEqual([{ subject: 'scripted', amount: 1 }]);
    await peer.record({});
    await peer.pull();
    expect(await alerts()).toEqual([]);
  } finally {
    await peer.close();
  }
});
