// Data made by others, out of a payer of every form: plain Bulk Data with the patients named, plain Bulk Data of everybody,
// $everything page by page, and one search a type. Whatever the form, the same history is held in the end, and every line is
// accounted for.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { negotiate } from '../../exchange/requester/client/abilities.ts';
import { type Handler, json, type Script, type ScriptedPeer, scriptedPeer } from '../support/scripted-peer.ts';
import type { Person } from './plan-fixture.ts';

const root = process.env['TEST_DATA_DIR'];
const place = root === undefined ? undefined : join(root, 'data/members-synthea-smart');
const folder = place !== undefined && existsSync(place) ? place : undefined;
const PEOPLE = 4;
const PAGE = 150;
const SHARED = ['Organization', 'Practitioner'];

type Patient = { id: string; name: { family: string; given: string[] }[]; birthDate: string; identifier?: object[] };
type Line = { type: string; text: string; about: string | undefined };

const NOTHING: ReturnType<typeof load> = { people: [], patients: [], lines: [] };

/** Everything about the first people, and every directory record. Each person gets a card number, as a payer would have it. */
function load(from: string): { people: Person[]; patients: string[]; lines: Line[] } {
  const lines: Line[] = [];
  const read = (type: string) =>
    gunzipSync(readFileSync(join(from, `${type}.ndjson.gz`)))
      .toString()
      .split('\n')
      .filter(Boolean);
  const chosen = read('Patient')
    .slice(0, PEOPLE)
    .map((l) => JSON.parse(l) as Patient);
  const people = chosen.map((p, i): Person => {
    const name = p.name[0];
    return {
      number: `N${i}`,
      family: name?.family ?? '',
      given: name?.given[0] ?? '',
      born: p.birthDate,
      prior: 'Scripted Plan',
    };
  });
  chosen.forEach((p, i) => {
    const text = JSON.stringify({
      ...p,
      identifier: [...(p.identifier ?? []), { system: 'urn:card', value: `XN${i}` }],
    });
    lines.push({ type: 'Patient', text, about: p.id });
  });
  for (const file of readdirSync(from).filter((f) => f.endsWith('.ndjson.gz'))) {
    const type = file.slice(0, -'.ndjson.gz'.length);
    if (type === 'Patient' || type === 'Group') continue;
    for (const text of read(type)) {
      const about = chosen.find((p) => text.includes(`"Patient/${p.id}"`))?.id;
      if (about !== undefined || SHARED.includes(type)) lines.push({ type, text, about });
    }
  }
  return { people, patients: chosen.map((p) => p.id), lines };
}

describe.skipIf(folder === undefined)('others’ data', () => {
  const { people, patients, lines } = folder === undefined ? NOTHING : load(folder);
  const types = [...new Set(lines.map((l) => l.type))];
  const of = (ids: readonly string[]) => lines.filter((l) => l.about === undefined || ids.includes(l.about));

  const exportsOf = (peer: ScriptedPeer, chosen: () => Line[]): Script => ({
    'GET /status/export': (_, a) =>
      json(
        a,
        peer.manifest(
          types.map((type) => ({
            type,
            url: `${peer.base}/f/${type}`,
            count: chosen().filter((l) => l.type === type).length,
          })),
        ),
      ),
    ...Object.fromEntries(
      types.map((type): [string, Handler] => [
        `GET /f/${type}`,
        (_, a) =>
          void a.writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-encoding': 'gzip' }).end(
            gzipSync(
              chosen()
                .filter((l) => l.type === type)
                .map((l) => `${l.text}\n`)
                .join(''),
            ),
          ),
      ]),
    ),
  });
  const statement =
    (patient: string[], search: Record<string, string[]> = {}): Handler =>
    (_, a) =>
      json(a, {
        resourceType: 'CapabilityStatement',
        fhirVersion: '4.0.1',
        rest: [
          {
            resource: [
              {
                type: 'Patient',
                operation: patient.map((name) => ({ name })),
                searchParam: [{ name: 'identifier' }, { name: '_id' }],
              },
              ...Object.entries(search).map(([type, names]) => ({
                type,
                searchParam: names.map((name) => ({ name })),
              })),
            ],
          },
        ],
      });
  const bundle = (texts: readonly string[], next?: string) =>
    `{"resourceType":"Bundle","type":"searchset",${next === undefined ? '' : `"link":[{"relation":"next","url":${JSON.stringify(next)}}],`}"entry":[${texts.map((t) => `{"resource":${t}}`).join(',')}]}`;
  const paged: (texts: readonly string[]) => Handler = (texts) => (request, a) => {
    const url = new URL(request.url ?? '', 'http://x');
    const from = Number(url.searchParams.get('from') ?? 0);
    const query = new URLSearchParams(url.searchParams);
    query.set('from', String(from + PAGE));
    const next = from + PAGE < texts.length ? `${url.pathname}?${query.toString()}` : undefined;
    json(a, bundle(texts.slice(from, from + PAGE), next));
  };
  const findsPatient: Handler = (request, a) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const texts = lines.filter((l) => l.type === 'Patient').map((l) => l.text);
    const wanted = query.get('identifier') ?? query.get('_id') ?? '';
    json(a, bundle(texts.filter((t) => t.includes(`"value":"${wanted}"`) || t.includes(`"id":"${wanted}"`))));
  };
  const matchesOne: Handler = (_, a, body) => {
    const card = /"value":"X(N\d+)"/.exec(body)?.[1] ?? '';
    const id = patients[people.findIndex((p) => p.number === card)] ?? '';
    json(a, {
      resourceType: 'Parameters',
      parameter: [
        { name: 'MemberIdentifier', valueIdentifier: { value: card } },
        { name: 'MemberId', valueReference: { reference: `Patient/${id}` } },
      ],
    });
  };
  const kicksOff: Handler = (_, a) => void a.writeHead(202, { 'content-location': '/status/export' }).end();

  const FORMS: Record<
    string,
    (peer: ScriptedPeer) => { script: Script; record?: Record<string, unknown>; form: string[] }
  > = {
    'plain Bulk Data, patients named': (peer) => {
      let asked: string[] = [];
      return {
        form: ['patients', 'patient'],
        script: {
          'GET /fhir/metadata': statement(['export']),
          'GET /fhir/Patient': findsPatient,
          'POST /fhir/Patient/$export': (r, a, body) => {
            asked = [...body.matchAll(/Patient\/([^"]+)"/g)].map((m) => m[1] ?? '');
            kicksOff(r, a, body);
          },
          ...exportsOf(peer, () => of(asked)),
        },
      };
    },
    'single match and $everything': () => ({
      form: ['single', 'everything'],
      script: {
        'GET /fhir/metadata': statement(['member-match', 'everything']),
        'POST /fhir/Patient/$member-match': matchesOne,
        ...Object.fromEntries(
          patients.map((id) => [`GET /fhir/Patient/${id}/$everything`, paged(of([id]).map((l) => l.text))]),
        ),
      },
    }),
    'single match and searches': () => ({
      form: ['single', 'search'],
      script: {
        'GET /fhir/metadata': statement(
          ['member-match'],
          Object.fromEntries(types.filter((t) => t !== 'Patient' && !SHARED.includes(t)).map((t) => [t, ['patient']])),
        ),
        'POST /fhir/Patient/$member-match': matchesOne,
        'GET /fhir/Patient': findsPatient,
        ...Object.fromEntries(
          types
            .filter((t) => t !== 'Patient')
            .map((type): [string, Handler] => [
              `GET /fhir/${type}`,
              (request, a, body) => {
                const id = new URL(request.url ?? '', 'http://x').searchParams.get('patient') ?? '';
                paged(lines.filter((l) => l.type === type && l.about === id).map((l) => l.text))(request, a, body);
              },
            ]),
        ),
      },
    }),
  };

  const held = new Map<string, unknown[]>();
  test.each(Object.keys(FORMS))(
    '%s',
    async (name) => {
      const peer = await scriptedPeer(people);
      try {
        const { sql } = peer.node.deps.database;
        const { script, form } = FORMS[name]?.(peer) ?? { script: {}, form: [] };
        const done = await peer.pull(script);
        expect([done.state, done.reason, done.matchForm, done.fetchForm]).toEqual(['done', null, ...form]);
        const members = await sql`select outcome from exchange.pull_member where pull_id = ${done.id}`;
        expect(members.map((m) => m['outcome'])).toEqual(Array(PEOPLE).fill('matched'));
        const rows = await sql<{ type: string; id: string; hash: string }[]>`
        select type, source_id as id, encode(hash, 'hex') as hash from exchange.resource
        where origin = 'scripted' and not deleted and type <> 'Provenance' order by 1, 2`;
        held.set(name, [...rows]);
        expect(rows.length).toBeGreaterThan(500);
        const [sum] = await sql`
        select (select sum(units) from exchange.pull_file where pull_id = ${done.id})::int as units, (select count(*) from exchange.ledger where pull_id = ${done.id})::int as booked`;
        expect(sum?.['units']).toBe(sum?.['booked']);
        expect(
          await sql`select from exchange.ledger where pull_id = ${done.id} and reason in ('wrong-patient', 'invalid-json', 'not-a-resource')`,
        ).toHaveLength(0);
        // and once more: nothing is written again
        const again = await peer.pull(script);
        const outcomes = await sql<{ outcome: string }[]>`
        select distinct outcome from exchange.ledger where pull_id = ${again.id} and outcome in ('created', 'updated', 'linked-duplicate', 'retracted')`;
        expect([again.state, [...outcomes]]).toEqual(['done', []]);
      } finally {
        await peer.close();
      }
    },
    120_000,
  );

  test('all forms end with the same history', () => {
    const [first, ...others] = [...held.values()];
    for (const other of others) expect(other).toEqual(first);
  });

  test('a peer that sends everybody: only ours are taken, and that there are others stops nothing', async () => {
    const peer = await scriptedPeer(people.slice(0, 1));
    try {
      const { sql } = peer.node.deps.database;
      await peer.record({ sendsAll: true });
      const learned = {
        ...negotiate({ operations: {}, systemOperations: [], guides: [], searchParams: {}, revincludes: false }, [], {
          groupThere: null,
          sendsAll: true,
        }),
        lacks: ['patient'],
      };
      await sql`update exchange.peer set abilities = ${JSON.stringify(learned)}::text::jsonb, abilities_at = now() where id = 'scripted'`;
      const done = await peer.pull({
        'GET /fhir/metadata': statement(['export']),
        'GET /fhir/Patient': findsPatient,
        'GET /fhir/Patient/$export': kicksOff,
        ...exportsOf(peer, () => lines),
      });
      expect([done.state, done.fetchForm]).toEqual(['done', 'all']);
      const members = await sql<
        { id: string }[]
      >`select distinct member_id as id from exchange.resource where origin = 'scripted'`;
      expect(members).toHaveLength(1);
      expect((await peer.ledger(done.id))['quarantined wrong-patient']).toBeGreaterThan(500);
    } finally {
      await peer.close();
    }
  });
});
