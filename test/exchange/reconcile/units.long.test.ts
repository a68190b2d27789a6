// Reconciliation of single cases: what each received unit becomes. Numbers are those of the specification's test list.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { contentHashes, MEMBER_CONTENT } from '../../../src/fhir/canonical.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, OUR_BASE, output, PEER, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const bodyOf = async (type: string, source: string) => {
  const [row] = await node.sql<{ body: Record<string, unknown>; version: number; deleted: boolean }[]>`
    select body::jsonb as body, version, deleted from exchange.resource where type = ${type} and id = ${localId(PEER, type, source)}`;
  return row;
};

describe('versions and idempotence', () => {
  test('R01–R04: the same content is unchanged whatever its version, narrative, profile or decimals say', async () => {
    const first = await node.pull([output('Observation', lab('r01'))]);
    expect(first.state).toBe('done');
    const text = JSON.stringify(
      lab('r01', { meta: { lastUpdated: '2026-03-03T03:03:03Z', versionId: '9', profile: ['http://x'] } }),
    ).replace('13.5', '13.50');
    const again = await node.pull([output('Observation', text)]);
    expect(await node.ledger(again.id)).toEqual(['unchanged Observation/r01']);
    expect((await bodyOf('Observation', 'r01'))?.version).toBe(1);
  });

  test('R05–R07: newer content is a new version, older is stale, and of two in one job the newest counts', async () => {
    const at = (t: string, value: number) =>
      lab('r05', { meta: { lastUpdated: t }, valueQuantity: { value, code: 'g/dL' } });
    await node.pull([output('Observation', at('2026-01-01T00:00:00Z', 1))]);
    const twice = await node.pull([
      output('Observation', at('2026-01-03T00:00:00Z', 3), at('2026-01-02T00:00:00Z', 2)),
    ]);
    expect(await node.ledger(twice.id)).toEqual([
      'updated Observation/r05',
      'unchanged duplicate-in-job Observation/r05',
    ]);
    const stale = await node.pull([output('Observation', at('2026-01-02T00:00:00Z', 2))]);
    expect(await node.ledger(stale.id)).toEqual(['unchanged stale-version Observation/r05']);
    expect((await bodyOf('Observation', 'r05'))?.version).toBe(2);
  });

  test('a time to come bars no later version, a lower number of a version decides nothing, and a part is not taken for the whole', async () => {
    const told = async (value: number, meta: object) => {
      const { id } = await node.pull([
        output('Observation', lab('p8', { meta, valueQuantity: { value, code: 'g/dL' } })),
      ]);
      const { valueQuantity } = ((await bodyOf('Observation', 'p8'))?.body ?? {}) as { valueQuantity?: object };
      return [await node.ledger(id), valueQuantity];
    };
    const is = (value: number) => ({ value, code: 'g/dL' });
    const updated = ['updated Observation/p8'];
    await told(1, { lastUpdated: '2026-01-01T00:00:00Z', versionId: '7' });
    expect(await told(2, { lastUpdated: '2099-01-01T00:00:00Z' })).toEqual([updated, is(2)]);
    expect(await told(3, { lastUpdated: '2026-01-03T00:00:00Z', versionId: '2' })).toEqual([updated, is(3)]);
    const subset = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };
    expect(await told(4, { lastUpdated: '2026-01-04T00:00:00Z', tag: [subset] })).toEqual([
      ['quarantined invalid-resource Observation/p8'],
      is(3),
    ]);
    expect(await told(5, { lastUpdated: '2026-01-02T00:00:00Z', versionId: '99' })).toEqual([
      ['unchanged stale-version Observation/p8'],
      is(3),
    ]);
  });
});

describe('deletions', () => {
  test('R58: of known, unknown and Patient; several in one Bundle are as many units, and the line is counted once', async () => {
    await node.pull([output('Observation', lab('r58a'), lab('r58b'))]);
    const { id, state } = await node.pull([
      { ...deletions('Observation/r58a', 'Observation/r58x', `${PEER_BASE}/Observation/r58b`), declared: 1 },
    ]);
    expect(state).toBe('done');
    expect(await node.ledger(id)).toEqual([
      'retracted deleted-at-source Observation/r58a',
      'retracted deleted-at-source Observation/r58x',
      'retracted deleted-at-source Observation/r58b',
    ]);
    expect((await bodyOf('Observation', 'r58a'))?.deleted).toBe(true);
    // another host's, and a version, are nothing of this peer's
    const strange = await node.pull([
      deletions(
        'https://elsewhere.example/fhir/Observation/r58c',
        'Observation/r58c/_history/1',
        '/fhir/Observation/r58d',
        '/Observation/r58e',
      ),
    ]);
    expect(await node.ledger(strange.id)).toEqual([
      'quarantined invalid-resource',
      'quarantined invalid-resource',
      'retracted deleted-at-source Observation/r58d',
      'retracted deleted-at-source Observation/r58e',
    ]);
    const again = await node.pull([deletions('Observation/r58a')]);
    expect(await node.ledger(again.id)).toEqual(['unchanged already-retracted Observation/r58a']);
  });

  test('R59: deleted and sent again by a later answer, as it was: it is there again', async () => {
    // its own time is from before the deletion: a label was lifted there, or the member chose again
    const old = lab('r59', { meta: { lastUpdated: '2026-02-02T00:00:00Z' } });
    await node.pull([output('Observation', old, lab('r59b'))]);
    await node.pull([deletions('Observation/r59', 'Observation/r59b')]);
    const later = await node.pull([output('Observation', old, lab('r59b'))]);
    expect(await node.ledger(later.id)).toEqual([
      'updated reinstated Observation/r59',
      'updated reinstated Observation/r59b',
    ]);
    expect((await bodyOf('Observation', 'r59'))?.deleted).toBe(false);
    // taken back and given again once more
    await node.pull([deletions('Observation/r59')]);
    const again = await node.pull([output('Observation', old)]);
    expect(await node.ledger(again.id)).toEqual(['updated reinstated Observation/r59']);
  });

  test('R59: a copy in an answer that is no later than the deletion stays out, and newer content does not', async () => {
    await node.pull([output('Observation', lab('r59c'))]);
    await node.pull([deletions('Observation/r59c')]);
    const before = { madeAt: new Date(Date.now() - 60_000), createdAt: new Date(Date.now() - 60_000) };
    const same = await node.pull([output('Observation', lab('r59c'))], before);
    expect(await node.ledger(same.id)).toEqual(['unchanged already-retracted Observation/r59c']);
    const newer = await node.pull(
      [
        output(
          'Observation',
          lab('r59c', { meta: { lastUpdated: '2026-05-05T00:00:00Z' }, note: [{ text: 'again' }] }),
        ),
      ],
      before,
    );
    expect(await node.ledger(newer.id)).toEqual(['updated reinstated Observation/r59c']);
    expect((await bodyOf('Observation', 'r59c'))?.deleted).toBe(false);
  });

  test('R59: an answer that does not say when it was made is later when it was asked for after the deletion was through', async () => {
    await node.pull([output('Observation', lab('r59d'))]);
    const gone = await node.pull([deletions('Observation/r59d')]);
    const meanwhile = await node.pull([output('Observation', lab('r59d'))], {
      madeAt: null,
      createdAt: new Date(Date.now() - 60_000),
    });
    expect(await node.ledger(meanwhile.id)).toEqual(['unchanged already-retracted Observation/r59d']);
    await node.sql`update exchange.pull set finished_at = now() - interval '1 second' where id = ${gone.id}`;
    const after = await node.pull([output('Observation', lab('r59d'))], { madeAt: null });
    expect(await node.ledger(after.id)).toEqual(['updated reinstated Observation/r59d']);
  });

  test('what comes after its own deletion is written under its own id, each', async () => {
    await node.pull([deletions('Observation/late1', 'Observation/late2')]);
    // a copy from before the deletion stays out
    const before = { madeAt: new Date(Date.now() - 60_000), createdAt: new Date(Date.now() - 60_000) };
    const older = await node.pull([output('Observation', lab('late1'), lab('late2'))], before);
    expect(await node.ledger(older.id)).toEqual([
      'unchanged already-retracted Observation/late1',
      'unchanged already-retracted Observation/late2',
    ]);
    const { id, state } = await node.pull([output('Observation', lab('late1'), lab('late2'))]);
    expect(state).toBe('done');
    expect(await node.ledger(id)).toEqual([
      'updated reinstated Observation/late1',
      'updated reinstated Observation/late2',
    ]);
    expect((await bodyOf('Observation', 'late1'))?.body['id']).toBe(localId(PEER, 'Observation', 'late1'));
    expect(await node.sql`select id from exchange.resource where id = ''`).toHaveLength(0);
  });

  test('R60: in output and deletions of one job, the output wins', async () => {
    const { id } = await node.pull([deletions('Observation/r60'), output('Observation', lab('r60'))]);
    expect(await node.ledger(id)).toEqual(['unchanged duplicate-in-job Observation/r60', 'created Observation/r60']);
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'duplicate-id'`).toHaveLength(
      1,
    );
  });

  test('a deletions line that is none is kept out, and an empty Bundle is still a unit', async () => {
    const { id, state } = await node.pull([
      {
        kind: 'deleted',
        type: 'Bundle',
        declared: 3,
        lines: [
          '{"resourceType":"Bundle","type":"transaction"}',
          JSON.stringify(lab('no-bundle')),
          '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation"}}]}',
        ],
      },
    ]);
    expect(state).toBe('done');
    expect(await node.ledger(id)).toEqual(Array(3).fill('quarantined invalid-resource'));
  });
});

describe('our own records coming back', () => {
  beforeAll(async () => {
    const own = { ...lab('own1', { subject: { reference: 'Patient/m1' } }) };
    const { hash, substance } = contentHashes(own as never, MEMBER_CONTENT);
    await node.sql`insert into exchange.resource (member_id, type, id, version, origin, last_updated, hash, substance, label, body)
      values ('m1', 'Observation', 'own1', 1, 'own', now(), ${`\\x${hash}`}::text::bytea, ${`\\x${substance}`}::text::bytea, 0, ${JSON.stringify({ ...own, meta: { versionId: '1' } })})`;
  });

  test('R55, R57: an echo is no second record, and when it comes back changed ours is not touched', async () => {
    const sent = lab('theirs1', { meta: { source: `${OUR_BASE}/Observation/own1` } });
    const echo = await node.pull([output('Observation', sent)]);
    expect(await node.ledger(echo.id)).toEqual(['echo Observation/theirs1']);
    expect(await bodyOf('Observation', 'theirs1')).toBeUndefined();
    const edited = { ...sent, meta: { lastUpdated: '2026-09-09T00:00:00Z' }, note: [{ text: 'edited by them' }] };
    const changed = await node.pull([output('Observation', edited)]);
    expect((await node.ledger(changed.id))[0]).toMatch(/^(created|linked-duplicate) Observation\/theirs1$/);
    const [own] =
      await node.sql`select version, origin, body from exchange.resource where type = 'Observation' and id = 'own1'`;
    expect(own).toMatchObject({ version: 1, origin: 'own' });
    expect(String(own?.['body'])).not.toContain('edited');
    const again = await node.pull([output('Observation', edited)]);
    expect(await node.ledger(again.id)).toEqual(['unchanged Observation/theirs1']);
  });
});

describe('guards', () => {
  const one = async (...resources: (object | string)[]) =>
    (await node.ledger((await node.pull([output('Observation', ...resources)])).id))[0];

  test('R12: a stranger, a foreign base and a subject that is no patient are kept out', async () => {
    expect(await one(lab('g1', { subject: { reference: 'Patient/stranger' } }))).toBe(
      'quarantined wrong-patient Observation/g1',
    );
    expect(await one(lab('g2', { subject: { reference: 'https://elsewhere.example/fhir/Patient/p1' } }))).toBe(
      'quarantined wrong-patient Observation/g2',
    );
    expect(await one(lab('g3', { subject: { reference: 'Group/1' } }))).toBe(
      'quarantined unsupported-subject Observation/g3',
    );
    expect(await one(lab('g4', { subject: { reference: `${PEER_BASE}/Patient/p1/_history/3` } }))).toBe(
      'created Observation/g4',
    );
  });

  test('R66–R69: units that are no resource, of no known type or with modifiers', async () => {
    const outcome = 'OperationOutcome';
    for (const [line, reason] of [
      ['[1,2]', 'not-a-resource'],
      ['{"resourceType":"Bundle","id":"b"}', 'not-a-resource'],
      ['{"resourceType":"Observation"}', 'missing-id'],
      ['{"resourceType":"Observation","id":"../x"}', 'missing-id'],
      ['{"message":"Forbidden"}', 'not-a-resource'],
      [`{"resourceType":"${outcome}","issue":[{"severity":"error","code":"exception"}]}`, 'not-a-resource'],
      ['{"broken', 'invalid-json'],
    ] as const) {
      expect(await one(line, lab('g-whole'))).toBe(`rejected ${reason}`);
      // a file of which no line is a record is none: what it should have held would be missed, so a person looks
      expect(await node.pull([output('Observation', line)])).toMatchObject({
        state: 'partial',
        reason: 'too-many-held',
      });
    }
    // messages among the records, listed as what they are, are no trouble
    expect(
      await node.pull([
        output(outcome, `{"resourceType":"${outcome}","issue":[]}`),
        output('Observation', lab('g-whole')),
      ]),
    ).toMatchObject({ state: 'done' });
    expect(await one({ ...lab('g5'), resourceType: 'Immunisation' })).toBe('quarantined unknown-type Immunisation/g5');
    const { subject } = lab('g8') as { subject: object };
    for (const record of [
      { resourceType: 'SupplyDelivery', id: 'g8', patient: subject },
      { resourceType: 'BodyStructure', id: 'g9', patient: subject },
      { resourceType: 'ClinicalImpression', id: 'g10', status: 'completed', subject },
      { resourceType: 'AdverseEvent', id: 'g11', actuality: 'actual', subject },
      { resourceType: 'MolecularSequence', id: 'g12', coordinateSystem: 0, patient: subject },
    ])
      expect(await one(record)).toBe(`created ${record.resourceType}/${record.id}`);
    const about = { subject: { reference: 'Practitioner/x' } };
    expect(await one({ resourceType: 'AdverseEvent', id: 'g13', actuality: 'actual', ...about })).toBe(
      'quarantined unsupported-subject AdverseEvent/g13',
    );
    expect(await one(lab('g6', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] }))).toBe(
      'quarantined modifier-extension Observation/g6',
    );
    expect(
      await one(
        JSON.stringify(lab('g7', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] })).replace(
          '"modifierExtension"',
          '"m\\u006fdifierExtension"',
        ),
      ),
    ).toBe('quarantined modifier-extension Observation/g7');
  });

  test('lines made to break the database break nothing', async () => {
    const nul = 'a\u0000b';
    const deep = `{"resourceType":"Observation","id":"deep","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    const files = output(
      'Observation',
      lab('h1', { identifier: [{ system: 'https://lab.example', value: nul }] }),
      lab('h2', { note: [{ text: nul }] }),
      lab('h3', { meta: { source: `${OUR_BASE}/Observation/${nul}` } }),
      { ...lab('h4'), resourceType: `Obs${nul}` },
      { ...lab('h5'), resourceType: 'O'.repeat(20_000) },
      lab('h6', { identifier: [{ system: 'https://lab.example', value: '\ud800' }] }),
      deep,
      lab('h8', { effectiveDateTime: '2026-02-31' }),
      lab('h9', { meta: { lastUpdated: '0000-01-01T00:00:00Z' } }),
      lab('h10', { code: { coding: [{ system: 'http://loinc.org', code: nul }] } }),
      lab('h11'),
    );
    const { id, state } = await node.pull([files]);
    expect(state).toBe('done');
    const rows = await node.ledger(id);
    expect(rows).toHaveLength(11);
    expect(rows.at(-1)).toBe('created Observation/h11');
    expect(rows[6]).toBe('quarantined invalid-resource Observation/deep');
  });

  test('what is nested deeper than 64 is held, what is less deep is kept', async () => {
    const nested = (depth: number): object =>
      depth === 0
        ? { url: 'http://x.example/e', valueString: 'x' }
        : { url: 'http://x.example/e', extension: [nested(depth - 1)] };
    // the resource, its list, then two for each extension
    expect(await one(JSON.stringify(lab('deep31', { extension: [nested(30)] })))).toBe('created Observation/deep31');
    expect(await one(JSON.stringify(lab('deep32', { extension: [nested(31)] })))).toBe(
      'quarantined invalid-resource Observation/deep32',
    );
  });

  test('R71: __proto__ is data', async () => {
    expect(await one(JSON.stringify(lab('g8')).replace('{', '{"__proto__":{"status":"x"},'))).toMatch(
      /^quarantined invalid-resource/,
    );
    expect(({} as Record<string, unknown>)['status']).toBeUndefined();
  });

  test('R46: a denied line of an authorization is neither shown nor passed on', async () => {
    const action = (code: string) => [
      {
        category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
        extension: [
          {
            url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction',
            extension: [
              {
                url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewActionCode',
                valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
              },
            ],
          },
        ],
      },
    ];
    const item = (sequence: number, code: string) => ({
      sequence,
      productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: `9921${sequence}` }] },
      adjudication: action(code),
    });
    const eob = {
      resourceType: 'ExplanationOfBenefit',
      id: 'r46',
      status: 'active',
      use: 'preauthorization',
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
      patient: { reference: 'Patient/p1' },
      created: '2026-01-01',
      insurer: { display: 'Prior' },
      provider: { display: 'Clinic' },
      outcome: 'complete',
      insurance: [{ focal: true, coverage: { display: 'x' } }],
      item: [item(1, 'A1'), item(2, 'A3'), item(3, 'A1')],
    };
    const { id } = await node.pull([output('ExplanationOfBenefit', eob)]);
    expect(await node.ledger(id)).toEqual(['created ExplanationOfBenefit/r46']);
    const body = (await bodyOf('ExplanationOfBenefit', 'r46'))?.body as { item: { sequence: number }[] };
    expect(body.item.map((i) => i.sequence)).toEqual([1, 3]);
  });

  test('R53: sensitive under a consent for regular data', async () => {
    expect(
      await one(
        lab('g9', {
          meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] },
        }),
      ),
    ).toBe('quarantined consent-scope Observation/g9');
  });
});

describe('references', () => {
  test('R08–R10, R13: every spelling leads to one target, forward references resolve, unknown ones become logical', async () => {
    const encounter = {
      resourceType: 'Encounter',
      id: 'e1',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      subject: { reference: 'Patient/p1' },
    };
    const with_ = (id: string, reference: string) =>
      lab(id, { encounter: { reference }, performer: [{ reference: 'Practitioner/none' }] });
    await node.pull([
      output(
        'Observation',
        with_('f1', 'Encounter/e1'),
        with_('f2', `${PEER_BASE}/Encounter/e1`),
        with_('f3', 'Encounter/e1/_history/2'),
        with_('f4', 'https://elsewhere.example/fhir/Encounter/e1'),
      ),
      output('Encounter', encounter),
    ]);
    const target = `Encounter/${localId(PEER, 'Encounter', 'e1')}`;
    for (const id of ['f1', 'f2', 'f3'])
      expect((await bodyOf('Observation', id))?.body, id).toMatchObject({
        subject: { reference: 'Patient/m1' },
        encounter: { reference: target },
        performer: [{ identifier: { system: `${PEER_BASE}/Practitioner`, value: 'none' } }],
      });
    expect((await bodyOf('Observation', 'f4'))?.body).toMatchObject({
      encounter: { reference: 'https://elsewhere.example/fhir/Encounter/e1' },
    });
  });

  test('R17: a Provenance with one known target stays, with none it waits outside', async () => {
    const provenance = (id: string, ...targets: string[]) => ({
      resourceType: 'Provenance',
      id,
      target: targets.map((reference) => ({ reference })),
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ who: { display: 'x' } }],
    });
    const { id } = await node.pull([
      output(
        'Provenance',
        provenance('v1', 'Observation/f1', 'Observation/nowhere'),
        provenance('v2', 'Observation/nowhere'),
      ),
    ]);
    expect(await node.ledger(id)).toEqual(['created Provenance/v1', 'quarantined dangling-reference Provenance/v2']);
    const [row] = await node.sql`select targets from exchange.resource where id = ${localId(PEER, 'Provenance', 'v1')}`;
    expect(row?.['targets']).toEqual([`Observation/${localId(PEER, 'Observation', 'f1')}`]);
  });
});

describe('counts', () => {
  test('R61–R63: fewer than declared is fetched again, then unbalanced; empty files balance', async () => {
    const short = await node.pull([{ ...output('Observation', lab('n1')), declared: 2 }]);
    expect(short.state).toBe('downloading');
    const empty = await node.pull([
      { ...output('Observation'), declared: 0 },
      { kind: 'output', type: 'Observation', lines: ['', ' ', ''] },
    ]);
    expect(empty.state).toBe('done');
  });

  test('R65: BOM, CRLF and characters beyond the plane', async () => {
    const { id, state } = await node.pull([
      {
        kind: 'output',
        type: 'Observation',
        declared: 2,
        lines: [
          `\ufeff${JSON.stringify(lab('u1', { note: [{ text: '𝒳 é' }] }))}\r`,
          '',
          `${JSON.stringify(lab('u2'))}\r`,
        ],
      },
    ]);
    expect([state, ...(await node.ledger(id))]).toEqual(['done', 'created Observation/u1', 'created Observation/u2']);
  });
});

test('the ledger is of pulls that exist, and a pull with rows in it stays', async () => {
  const { id } = await node.pull([output('Observation', lab('booked'))]);
  await expect(
    node.sql`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome) values ('nowhere', 0, 1, 0, 'rejected')`,
  ).rejects.toThrow('does not exist');
  await expect(node.sql`delete from exchange.pull where id = ${id}`).rejects.toThrow(/rows in the ledger|foreign key/);
  await expect(node.sql`update exchange.pull set id = 'other' where id = ${id}`).rejects.toThrow('rows in the ledger');
});
