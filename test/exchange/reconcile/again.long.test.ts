// The same once more: a pull that is killed between deciding and writing, and lines that come again word for word.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lineHash } from '../../../exchange/reconcile/known-lines.ts';
import { countLines, findLine, type Place, pageLines } from '../../../exchange/requester/report/line-rows.ts';
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
      const n = await reconciler('regular', {}, { commitBatchSize: 1 });
      await n.own(...own.slice(0, late ? 3 : 4));
      await n.pull(first);
      const phases: unknown[] = [];
      const { id, state } = await n.pull(second, {
        ...(dies === undefined ? {} : { dies }),
        meanwhile: async () => {
          phases.push((await n.sql`select phase from exchange.pull where state = 'reconciling'`)[0]?.['phase']);
          if (typeof dies === 'number') {
            // what is committed stands whole, the slice beside it too, and of the one that died there is nothing
            const [there] = await n.sql`
              select count(*) filter (where s.state = 'committed' and s.booked = s.units)::int as slices, count(*) filter (where s.state = 'booking')::int as half,
                (coalesce(sum(s.units) filter (where s.state = 'committed'), 0) - (select count(*) from exchange.ledger l where l.pull_id = p.id))::int as unbooked
              from exchange.pull p join exchange.pull_slice s on s.pull_id = p.id where p.state = 'reconciling' group by p.id`;
            expect(there).toEqual({ slices: 2, half: 0, unbooked: 0 });
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
    // our own record came meanwhile: what was decided without it is decided again
    expect(await result('decided', undefined, true)).toEqual(calm);
    // within the commit: of no member's records, of one member's; then everything staged is lost with the database's memory
    expect(await result(2)).toEqual(calm);
    const lost = (n: Awaited<ReturnType<typeof reconciler>>) =>
      n.sql`truncate exchange.staging, exchange.staging_block, exchange.staged_text, exchange.staged_reference, exchange.match_judgement`;
    expect(await result(2, lost)).toEqual(calm);
    expect(await result(1, undefined, true)).toEqual(calm);
  });
});

describe('lines that come again', () => {
  const files = () => [
    output('Organization', organization('o1')),
    output('Observation', lab('a'), lab('b', { effectiveDateTime: '2026-01-02T08:00:00Z' })),
  ];
  /** Content hashes that fit nothing: anyone who reads a line takes it for changed. */
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

  const day = (id: string, n: number, more: object = {}) =>
    lab(id, { effectiveDateTime: `2026-01-0${n}T08:00:00Z`, ...more });
  const ofTwo = () => [
    output('Organization', organization('o1')),
    output(
      'Observation',
      day('a', 1),
      day('x', 1, { subject: { reference: 'Patient/p2' } }),
      day('b', 2),
      day('y', 2, { subject: { reference: 'Patient/p2' } }),
      day('c', 3),
    ),
  ];

  test('stand in the ledger by type and member, and each is found in its place', async () => {
    await node.pull(ofTwo());
    const changed = ofTwo();
    changed[1]?.lines.splice(2, 1, JSON.stringify(day('b', 2, { valueQuantity: { value: 14 } })));
    const { id, state } = await node.pull(changed);
    expect(state).toBe('done');
    const rows = await node.sql`
      select file, type, member_id as member, lines from exchange.ledger_block where pull_id = ${id} order by file, first_line`;
    expect([...rows]).toEqual([
      { file: 0, type: 'Organization', member: null, lines: [1] },
      { file: 1, type: 'Observation', member: 'm1', lines: [1, 5] },
      { file: 1, type: 'Observation', member: 'm2', lines: [2, 4] },
    ]);
    const all = await pageLines(node.sql, id, {}, 10);
    expect(all.map((l) => [l.file, l.line, l.outcome, l.sourceId, l.memberId])).toEqual([
      [0, 1, 'unchanged', 'o1', null],
      [1, 1, 'unchanged', 'a', 'm1'],
      [1, 2, 'unchanged', 'x', 'm2'],
      [1, 3, 'updated', 'b', 'm1'],
      [1, 4, 'unchanged', 'y', 'm2'],
      [1, 5, 'unchanged', 'c', 'm1'],
    ]);
    expect(await node.ledger(id)).toEqual(all.map((l) => `${l.outcome} ${l.type}/${l.sourceId}`));
    const one = await node.sql`select local_id, hash from exchange.identity where source_id = 'y'`;
    expect([all[4]?.localId, all[4]?.hash]).toEqual([one[0]?.['local_id'], one[0]?.['hash'].toString('hex')]);
    // page by page, and under filters
    for (const [filter, expected] of [
      [{}, all],
      [{ outcome: 'unchanged', memberId: 'm1' }, [all[1], all[5]]],
      [{ type: 'Observation', file: 1 }, all.slice(1)],
      [{ outcome: 'updated' }, [all[3]]],
    ] as const) {
      const walked = [];
      for (let after: Place | undefined; ; ) {
        const [next] = await pageLines(node.sql, id, filter, 1, after);
        if (!next) break;
        walked.push(next);
        after = next;
      }
      expect(walked).toEqual(expected);
      expect(await countLines(node.sql, id, filter)).toBe(expected.length);
    }
    for (const line of all) expect(await findLine(node.sql, id, line)).toEqual(line);
    expect(await findLine(node.sql, id, { file: 1, line: 6, entry: 0 })).toBeUndefined();
    expect(await brokenLaws(node.sql)).toEqual({});
  });

  test('beside another version with the same id, and no time, the later line counts, however often they come', async () => {
    const [older, newer] = [
      lab('a', { meta: { versionId: '1' }, valueQuantity: { value: 12 } }),
      lab('a', { meta: { versionId: '2' } }),
    ];
    const twice = [output('Observation', older, newer)];
    const first = await node.pull(twice);
    expect(await node.ledger(first.id)).toEqual(['unchanged duplicate-in-job Observation/a', 'created Observation/a']);
    const again = await node.pull(twice);
    expect(await node.ledger(again.id)).toEqual([
      'unchanged duplicate-in-job Observation/a',
      'unchanged Observation/a',
    ]);
    const turned = await node.pull([output('Observation', newer, older)]);
    expect(await node.ledger(turned.id)).toEqual(['unchanged duplicate-in-job Observation/a', 'updated Observation/a']);
    const same = await node.pull([output('Observation', older, older)]);
    expect(await node.ledger(same.id)).toEqual(['unchanged duplicate-in-job Observation/a', 'unchanged Observation/a']);
  });

  test('a record is as new as it was last said to be: beside an older version, and when an older one comes later', async () => {
    const at = (year: number, value: number) =>
      lab('d', { meta: { lastUpdated: `${year}-01-01T00:00:00Z` }, valueQuantity: { value } });
    await node.pull([output('Observation', at(2020, 1))]);
    const files = [output('Observation', at(2020, 1), at(2024, 99), at(2024, 1))];
    for (const _ of [1, 2, 3]) {
      const { id } = await node.pull(files);
      expect((await node.ledger(id)).sort()).toEqual([
        'unchanged Observation/d',
        'unchanged duplicate-in-job Observation/d',
        'unchanged duplicate-in-job Observation/d',
      ]);
    }
    const { id } = await node.pull([output('Observation', at(2022, 5))]);
    expect(await node.ledger(id)).toEqual(['unchanged stale-version Observation/d']);
    expect(await brokenLaws(node.sql)).toEqual({});
  });

  test('count as there when others have new ids: half of a member is no renumbering', async () => {
    const before = [1, 2, 3, 4, 5, 6].map((n) => day(`r${n}`, n));
    await node.pull([output('Observation', ...before)]);
    const after = before.map((r, i) => (i < 3 ? r : { ...r, id: `new${i}` }));
    const { id } = await node.pull([output('Observation', ...after)]);
    expect((await node.ledger(id)).map((l) => l.split(' ')[0])).toEqual([
      'unchanged',
      'unchanged',
      'unchanged',
      'created',
      'created',
      'created',
    ]);
    const noted =
      await node.sql`select kind, type, amount from exchange.finding where pull_id = ${id} and kind in ('missing-at-source', 'peer-rekey')`;
    expect([...noted]).toEqual([{ kind: 'missing-at-source', type: 'Observation', amount: 3 }]);
  });

  test('killed between two members, with and without what was staged: all are recorded once', async () => {
    const heard = (id: string) => node.sql`
      select member_id as member, sum((detail->>'units')::int)::int as n from exchange.audit where action = 'received' and object = ${`pull/${id}`} group by 1 order by 1`;
    const n = await reconciler('regular', {}, { commitBatchSize: 1 });
    await node.close();
    node = n;
    await node.pull(ofTwo());
    for (const lost of [false, true]) {
      const { id, state } = await node.pull(ofTwo(), {
        dies: 2,
        meanwhile: async () => {
          if (lost) await node.sql`truncate exchange.staging, exchange.staging_block`;
        },
      });
      expect(state).toBe('done');
      expect(await node.ledger(id)).toEqual(
        ['Organization/o1', ...['a', 'x', 'b', 'y', 'c'].map((i) => `Observation/${i}`)].map((r) => `unchanged ${r}`),
      );
      expect([...(await heard(id))]).toEqual([
        { member: 'm1', n: 3 },
        { member: 'm2', n: 2 },
      ]);
    }
    expect(await brokenLaws(node.sql)).toEqual({});
  });

  test('the database takes no line twice, and no sum from anyone else', async () => {
    const { id } = await node.pull(ofTwo());
    await node.pull(ofTwo());
    for (const counts of ['ledger_sum', 'ledger_tally'])
      await expect(node.sql.unsafe(`update exchange.${counts} set units = 0`)).rejects.toThrow('counted by the ledger');
    await expect(node.sql`delete from exchange.ledger_block`).rejects.toThrow('insert-only');
    // one line more in a block than the file has, and one of another block in its place
    for (const [lines, why] of [
      [[1, 2], 'ledger rows'],
      [[3], 'stands twice'],
    ] as const) {
      const broken = node.sql.begin(async (tx) => {
        await tx`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values ('bad', 'prior', 'reconciling', 'test', now(), now(), now())`;
        await tx`insert into exchange.pull_file (pull_id, position, kind, type, url, state, units, lines) values ('bad', 0, 'output', 'Observation', 'x', 'staged', 2, 2)`;
        await tx`
          insert into exchange.ledger_block (pull_id, file, stretch, first_line, last_line, type, member_id, units, lines, source_ids, local_ids, hashes, updated)
          select 'bad', 0, 1, l[1], l[cardinality(l)], 'Observation', 'm1', cardinality(l), l, array_fill('s'::text, array[cardinality(l)]), array_fill('i'::text, array[cardinality(l)]), array_fill('\\x00'::bytea, array[cardinality(l)]), array_fill(now(), array[cardinality(l)])
          from (values (array[3]), (${[...lines]}::int[])) v(l)
          on conflict do nothing`;
        if (lines.length === 1)
          await tx`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome) values ('bad', 0, 3, 0, 'rejected')`;
        await tx`update exchange.pull set state = 'done' where id = 'bad'`;
      });
      await expect(broken).rejects.toThrow(why);
    }
    expect(id).not.toBe('bad');
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
