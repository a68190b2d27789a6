// A payer had many records through us, of which half were changed since, and passes them on without saying what they are copies of: what is held of the member is
// read once and not for each line (it would not end within the time of a test).
import { expect, test } from 'vitest';
import { lab, output, PEER, reconciler } from '../exchange/reconcile/reconcile-pull.ts';

const MANY = 12_000;
const TARGETS = 500;
const TEN_MINUTES = 600_000;

const all = Array.from({ length: MANY }, (_, n) => n);
const result = (id: string, n: number, value: number, more: object = {}) =>
  lab(id, {
    effectiveDateTime: new Date(Date.UTC(2024, 0, 1) + n * TEN_MINUTES).toISOString(),
    valueQuantity: { value, code: 'g/dL' },
    ...more,
  });
const through = (first: number) => ({
  resourceType: 'Provenance',
  id: `t${first}`,
  target: all.slice(first, first + TARGETS).map((n) => ({ reference: `Observation/b${n}` })),
  recorded: '2026-06-01T00:00:00Z',
  agent: [
    {
      type: {
        coding: [
          {
            system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
            code: 'transmitter',
          },
        ],
      },
      who: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000004' } },
    },
  ],
});

test('many records come back as they were before they were changed: each is an echo', async () => {
  const node = await reconciler();
  try {
    const { sql } = node;
    await sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values ('c', 'C', '9000000020', 'active', 'https://c.example/fhir', array['https://c.example'], 'test')`;
    const tells = (peer: string, ...files: Parameters<typeof node.pull>[0]) =>
      node.pull(files, { members: [['p1', 'm1']], since: new Date(), peer });
    await tells(PEER, output('Observation', ...all.map((n) => result(`a${n}`, n, 5))));
    await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at)
      values ('j', 'export', 'c', 'complete', '', '{}', now(), now())`;
    await sql`insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
      select 'c', 'm1', 'j', 'regular', 'c-m1', '{}', array(select hashtextextended('Observation/' || id, 0) from exchange.resource where type = 'Observation')`;
    const meta = { lastUpdated: '2026-03-02T03:04:05Z' };
    await tells(PEER, output('Observation', ...all.filter((n) => n % 2).map((n) => result(`a${n}`, n, 6, { meta }))));
    const { id } = await tells(
      'c',
      output('Observation', ...all.map((n) => result(`b${n}`, n, 5))),
      output('Provenance', ...all.filter((n) => n % TARGETS === 0).map(through)),
    );
    const outcomes = await sql`
      select outcome, count(*)::int as n from exchange.ledger where pull_id = ${id} and type = 'Observation' group by 1`;
    expect([...outcomes]).toEqual([{ outcome: 'echo', n: MANY }]);
  } finally {
    await node.close();
  }
});
