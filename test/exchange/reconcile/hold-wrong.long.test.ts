// A record that an older program took in as the member's, and that holds another person’s: when it comes again it is hidden.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standingConditions } from '../../../exchange/alerts/alert.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const holding = (id: string) => lab(id, { contained: [lab('within', { subject: { reference: 'Patient/stranger' } })] });
const shown = async () =>
  [
    ...(await node.sql`select source_id as s from exchange.resource where origin = ${PEER} and type = 'Observation' and not deleted order by 1`),
  ].map((r) => r['s']);

/** As an older program left it: both came as plain records, and what they say is what comes now. */
async function olderProgramTook(...ids: string[]): Promise<string> {
  const { id } = await node.pull([output('Observation', ...ids.map((i) => lab(i)))]);
  const again = await node.pull([output('Observation', ...ids.map(holding))], { since: new Date() });
  for (const i of ids)
    await node.sql`
      update exchange.identity set state = 'visible', hash = (select hash from exchange.ledger where pull_id = ${again.id} and source_id = ${i})
      where peer_id = ${PEER} and source_id = ${i}`;
  // the line as it stood then is the one that comes again
  await node.sql`
    update exchange.pull_file f set blob_key = o.blob_key, sha256 = o.sha256, bytes = o.bytes from exchange.pull_file o
    where f.pull_id = ${id} and o.pull_id = ${again.id} and f.position = o.position`;
  return id;
}

test('it is hidden, with what hangs on it; the laws hold, and so it stays', async () => {
  await olderProgramTook('a', 'b');
  expect(await shown()).toEqual(['a', 'b']);
  const again = await node.pull([output('Observation', holding('a'), lab('b'))], { since: new Date() });
  expect(await node.ledger(again.id)).toContain('quarantined wrong-patient Observation/a');
  expect(await shown()).toEqual(['b']);
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.pull([output('Observation', holding('a'))], { since: new Date() });
  expect(await shown()).toEqual(['b']);
  expect(await node.sql`select from exchange.unit_revision where reason = 'wrong-patient'`).toHaveLength(1);
});

test('so is one of which another version comes; one that holds no one else’s stays', async () => {
  await olderProgramTook('d');
  await node.pull([output('Observation', lab('e'))], { since: new Date() });
  const changed = (id: string) => ({ ...holding(id), status: 'amended' });
  const again = await node.pull([output('Observation', changed('d'), changed('e'))], { since: new Date() });
  expect((await node.ledger(again.id)).sort()).toEqual(
    ['d', 'e'].map((i) => `quarantined wrong-patient Observation/${i}`),
  );
  expect(await shown()).toContain('e');
  expect(await shown()).not.toContain('d');
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('one that was the member’s and comes as a stranger’s stays as it was, and that is reported', async () => {
  const notes = (pull: string) =>
    node.sql`select source_id as s, detail from exchange.finding where pull_id = ${pull} and kind = 'identity-doubt' and type = 'Observation'`;
  await node.pull([output('Observation', lab('moved'))], { since: new Date() });
  const away = lab('moved', { subject: { reference: 'Patient/stranger' } });
  const { id } = await node.pull([output('Observation', away)], { since: new Date() });
  expect(await node.ledger(id)).toEqual(['quarantined wrong-patient Observation/moved']);
  expect(await shown()).toContain('moved');
  expect([...(await notes(id))]).toEqual([{ s: 'moved', detail: expect.stringContaining('still shown') }]);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a directory record may hold nothing of a person, be it one of ours', async () => {
  const within = (resource: object) => ({
    resourceType: 'Practitioner',
    id: 'w1',
    name: [{ family: 'Moss' }],
    contained: [resource],
  });
  for (const resource of [lab('within'), { resourceType: 'Patient', id: 'within' }]) {
    const { id } = await node.pull([output('Practitioner', within(resource))], { since: new Date() });
    expect(await node.ledger(id)).toEqual(['quarantined wrong-patient Practitioner/w1']);
  }
  const place = { resourceType: 'Organization', id: 'o', name: 'A place' };
  const { id } = await node.pull([output('Practitioner', within(place))], { since: new Date() });
  expect(await node.ledger(id)).toEqual(['created Practitioner/w1']);
});

test('when what brought it is no longer kept, that it is still shown is reported', async () => {
  const first = await olderProgramTook('c');
  await node.sql`update exchange.pull_file set blob_key = null where pull_id = ${first}`;
  const again = await node.pull([output('Observation', holding('c'))], { since: new Date() });
  expect(again.state).toBe('done');
  expect(await shown()).toContain('c');
  const [finding] =
    await node.sql`select detail from exchange.finding where pull_id = ${again.id} and kind = 'identity-doubt'`;
  expect(finding?.['detail']).toContain('still shown');
});

describe('records of another person are reported', () => {
  /** The pulls that are informed of, by the alerts that stand. */
  const told = async () =>
    (
      await standingConditions(node.sql, new Date(), {
        quarantine: 1_000_000,
        keep: { days: 1, byLob: {} },
        today: '2026-01-01',
        drillDays: 0,
      })
    )
      .filter((c) => c.kind === 'wrong-patient')
      .map((c) => c.subject);
  const aWeekGoesBy = async () => {
    await node.sql`update exchange.pull set created_at = created_at - interval '8 days', finished_at = finished_at - interval '8 days'`;
    await node.sql`update exchange.review_item set opened_at = opened_at - interval '8 days'`;
  };
  const discarded = () => node.sql`
    update exchange.review_item set state = 'decided', decision = 'discard' where state = 'open' and kind = 'wrong-patient'`;

  test('when they were shown until now, be it another version that comes, until someone has decided', async () => {
    await olderProgramTook('f', 'g');
    await node.sql`delete from exchange.review_item`;
    await aWeekGoesBy();
    expect(await told()).toEqual([]);
    const same = await node.pull([output('Observation', holding('f'))], { since: new Date() });
    expect(await told()).toEqual([same.id]);
    await aWeekGoesBy();
    expect(await told()).toEqual([same.id]);
    await discarded();
    expect(await told()).toEqual([]);
    const other = { ...holding('g'), status: 'amended' };
    const { id } = await node.pull([output('Observation', other)], { since: new Date() });
    expect([await told(), await shown()]).toEqual([[id], expect.not.arrayContaining(['f', 'g'])]);
    await aWeekGoesBy();
    await node.pull([output('Observation', holding('f'))], { since: new Date() });
    expect(await told()).toEqual([id]);
    await discarded();
    expect(await told()).toEqual([]);
  });

  test('when they were held for another reason before', async () => {
    const first = await node.pull([output('Observation', lab('h', { subject: undefined }))], { since: new Date() });
    expect(await node.ledger(first.id)).not.toEqual(['created Observation/h']);
    await aWeekGoesBy();
    const { id } = await node.pull([output('Observation', holding('h'))], { since: new Date() });
    expect([await node.ledger(id), await told()]).toEqual([['quarantined wrong-patient Observation/h'], [id]]);
    await aWeekGoesBy();
    await node.pull([output('Observation', holding('h'))], { since: new Date() });
    expect(await told()).toEqual([id]);
    await discarded();
    expect(await told()).toEqual([]);
  });
});
