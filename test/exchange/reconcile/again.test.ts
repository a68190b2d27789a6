// The same once more: a pull that is killed between deciding and writing, and lines that come again word for word.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lineHash } from '../../../exchange/reconcile/known-lines.ts';
import { withCheckDigit } from '../../../src/fhir/npi.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
});
afterEach(() => node.close());

const NPI = { system: 'http://hl7.org/fhir/sid/us-npi', value: withCheckDigit('900000003') };
const organization = (id: string, more: object = {}) => ({
  resourceType: 'Organization',
  id,
  identifier: [NPI],
  active: true,
  name: 'Cedar Clinic',
  ...more,
});
const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Doe' }], birthDate: '1970-01-01' });

describe('killed between deciding and writing', () => {
  test('what exists here stays what it is: shared, an echo, an update; and what was done holds as long as nothing changed', async () => {
    const own = [
      patient('m1'),
      patient('m2'),
      organization('our-org', { name: 'Ours' }),
      lab('own-1', { subject: { reference: 'Patient/m1' }, issued: '2026-01-01T09:00:00Z' }),
    ];
    const first = [output('Observation', lab('a'), lab('b', { effectiveDateTime: '2026-01-02T08:00:00Z' }))];
    const second = [
      output('Organization', organization('o1')),
      output(
        'Observation',
        lab('a', { meta: { lastUpdated: '2026-02-01T00:00:00Z' }, valueQuantity: { value: 14 } }),
        lab('b', { effectiveDateTime: '2026-01-02T08:00:00Z' }),
        lab('e', { issued: '2026-01-01T09:00:00Z' }),
        lab('of-another', { subject: { reference: 'Patient/p2' } }),
        lab('of-another', { subject: { reference: 'Patient/p2' }, note: [{ text: 'again' }] }),
        lab('strange', { subject: { reference: 'Patient/stranger' } }),
      ),
    ];
    const result = async (
      dies?: 'deciding' | 'decided' | number,
      meanwhile: (n: Awaited<ReturnType<typeof reconciler>>) => Promise<unknown> = async () => {},
      late = false,
    ) => {
      const n = await reconciler('regular', { COMMIT_UNITS: '1' });
      await n.own(...own.slice(0, late ? 3 : 4));
      await n.pull(first);
      const phases: unknown[] = [];
      const { id, state } = await n.pull(second, {
        ...(dies === undefined ? {} : { dies }),
        meanwhile: async () => {
          phases.push((await n.sql`select phase from exchange.pull where state = 'reconciling'`)[0]?.['phase']);
          if (typeof dies === 'number') {
            // what is committed stands whole, and of the rest there is nothing
            const [there] = await n.sql`
              select count(*) filter (where s.state = 'committed' and s.booked = s.units)::int as slices, count(*) filter (where s.state = 'booking')::int as half,
                (coalesce(sum(s.units) filter (where s.state = 'committed'), 0) - (select count(*) from exchange.ledger l where l.pull_id = p.id))::int as unbooked
              from exchange.pull p join exchange.pull_slice s on s.pull_id = p.id where p.state = 'reconciling' group by p.id`;
            expect(there).toEqual({ slices: dies, half: 0, unbooked: 0 });
          }
          if (late) await n.own(...own.slice(3));
          await meanwhile(n);
        },
      });
      expect(phases).toEqual([dies === undefined ? null : dies === 'deciding' ? dies : 'planned']);
      const laws = await brokenLaws(n.sql);
      const findings =
        await n.sql`select kind, type, source_id, sum(amount)::int as n from exchange.finding group by 1, 2, 3 order by 1, 2, 3`;
      const identities =
        await n.sql`select type, source_id, local_id, member_id, state, encode(hash, 'hex') as hash from exchange.identity order by 1, 2`;
      const heard =
        await n.sql`select member_id, sum((detail->>'units')::int)::int as n from exchange.audit where action = 'received' and object = ${`pull/${id}`} group by 1 order by 1`;
      const records =
        await n.sql`select type, id, version, origin, encode(hash, 'hex') as hash from exchange.resource where type <> 'Provenance' order by 1, 2`;
      const shared = await n.sql`select type, id, origin, body from exchange.shared_resource order by 1, 2`;
      const out = {
        state,
        laws,
        ledger: await n.ledger(id),
        findings: [...findings],
        identities: [...identities],
        heard: [...heard],
        records: [...records],
        shared: shared.map((r) => [r['type'], r['id'], r['origin']]),
      };
      await n.close();
      return out;
    };
    const calm = await result();
    expect(calm.ledger[0]).toBe('shared Organization/o1');
    expect(calm.ledger[1]).toBe('updated Observation/a');
    expect(await result('deciding')).toEqual(calm);
    expect(await result('decided')).toEqual(calm);
    // our own record came meanwhile: what was decided without it is decided anew
    expect(await result('decided', undefined, true)).toEqual(calm);
    // within the commit: of nobody's records, of one member's; then everything staged is lost with the database's memory
    expect(await result(2)).toEqual(calm);
    const lost = (n: Awaited<ReturnType<typeof reconciler>>) =>
      n.sql`truncate exchange.staging, exchange.staged_text, exchange.rewritten, exchange.judged`;
    expect(await result(2, lost)).toEqual(calm);
    expect(await result(1, undefined, true)).toEqual(calm);
  }, 60_000);
});

describe('lines that come again', () => {
  const files = () => [
    output('Organization', organization('o1')),
    output('Observation', lab('a'), lab('b', { effectiveDateTime: '2026-01-02T08:00:00Z' })),
  ];
  /** Content hashes that fit nothing: whoever reads a line takes it for changed. */
  const poison = () => node.sql`update exchange.identity set hash = '\\x00', last_updated = null`;

  test('are unchanged without being read', async () => {
    await node.pull(files());
    await poison();
    const { id, state } = await node.pull(files());
    expect([state, await node.ledger(id)]).toEqual([
      'done',
      ['unchanged Organization/o1', 'unchanged Observation/a', 'unchanged Observation/b'],
    ]);
  });

  test('one byte more is read', async () => {
    await node.pull(files());
    await poison();
    const changed = files();
    changed[1]?.lines.splice(0, 1, `${changed[1].lines[0]} `);
    const { id } = await node.pull(changed);
    expect((await node.ledger(id))[1]).toBe('updated Observation/a');
  });

  test.each<[string, () => Promise<unknown>, object]>([
    [
      'another person there',
      async () => {},
      {
        members: [
          ['p1', 'm2'],
          ['p2', 'm1'],
        ],
      },
    ],
    ['other rules', () => node.sql`update exchange.identity set line_hash = '\\x01'`, {}],
    ['another choice', () => node.sql`update exchange.pull_member set policy = 'sensitive'`, {}],
    [
      'a record taken back',
      () => node.sql`update exchange.identity set state = 'retracted' where type = 'Observation'`,
      {},
    ],
  ])('%s: all of the member is read', async (_, change, how) => {
    await node.pull(files());
    await poison();
    await change();
    const { id } = await node.pull(files(), how);
    expect((await node.ledger(id)).filter((l) => l.startsWith('unchanged Observation'))).toEqual([]);
  });

  test('with deletions beside them all are read, and the record that is sent stays', async () => {
    await node.pull(files());
    await poison();
    const { id } = await node.pull([...files(), deletions('Observation/a')]);
    const ledger = await node.ledger(id);
    expect(ledger[1]).toBe('updated Observation/a');
    expect(ledger.at(-1)).toContain('unchanged duplicate-in-job');
  });

  test('what was noted is noted again', async () => {
    const old = [output('Observation', lab('old', { effectiveDateTime: '2001-01-01T08:00:00Z' }))];
    await node.pull(old);
    await poison();
    const { id } = await node.pull(old);
    expect(await node.ledger(id)).toEqual(['unchanged Observation/old']);
    const noted = await node.sql`select kind from exchange.finding where pull_id = ${id}`;
    expect(noted.map((f) => f['kind'])).toContain('older-than-5y');
  });

  test('a line that was read and is unchanged is known the next time', async () => {
    await node.pull(files());
    await node.sql`update exchange.identity set line_hash = null`;
    await node.pull(files());
    const known =
      await node.sql`select encode(line_hash, 'hex') as hash from exchange.identity where type = 'Observation' order by source_id`;
    expect(known.map((k) => k['hash'])).toEqual(files()[1]?.lines.map((l) => lineHash(l)));
  });
});
