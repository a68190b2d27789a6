// The payer that is asked by the plan of plan-of-questions.ts: it knows two members of one name, has one it does not know, and sends with its records what
// must not be taken in.
import { ndjson, type Script, type ScriptedPeer, sends, status } from '../../support/scripted-peer.ts';
import { lab } from '../reconcile/reconcile-pull.ts';
import { FORMULA, type Name, WHO } from './question-people.ts';

const of = (record: string, patient: string, more: object = {}) =>
  JSON.stringify(lab(record, { subject: { reference: `Patient/${patient}` }, ...more }));
export const LINES = [
  of('a', 'p-ana'),
  of('b', 'p-ana', { code: { coding: [{ system: 'http://loinc.org', code: '718-7', display: FORMULA }] } }),
  of('c', 'p-ana2'),
  of('e', 'p-eva'),
  JSON.stringify({
    resourceType: 'Patient',
    id: 'p-eva',
    name: [{ family: 'Someone', given: ['Else'] }],
    birthDate: '1999-09-09',
    gender: 'male',
  }),
  of('stranger', 'p-nobody'),
  of('not-asked', 'p-ana', { status: 'no-such-status' }),
  '{"resourceType": "Observation", "id": "=1+1"',
  JSON.stringify({ resourceType: 'Goal', id: 'g', subject: { reference: 'Group/x' } }),
];
export function answers(peer: ScriptedPeer): Script {
  let ids = new Map<string, string>();
  const known: [Name, string][] = [
    ['ana', 'p-ana'],
    ['ana2', 'p-ana2'],
    ['eva', 'p-eva'],
  ];
  const inGroup = (bucket: string, names: [Name, string][]) => {
    const here = names.filter(([n]) => ids.has(WHO[n].born));
    const sent = ([n]: [Name, string]) => ids.get(WHO[n].born) ?? '';
    return JSON.stringify({
      resourceType: 'Group',
      id: bucket === 'match' ? 'g1' : 'g2',
      code: { coding: [{ code: bucket }] },
      contained: here.map((h) => ({
        resourceType: 'Patient',
        id: sent(h),
        name: [{ family: WHO[h[0]].family }],
        birthDate: WHO[h[0]].born,
      })),
      member: here.map((h) => ({
        entity: {
          reference: bucket === 'match' ? `Patient/${h[1]}` : `#${sent(h)}`,
          extension: [
            {
              url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters',
              valueReference: { reference: `#${sent(h)}` },
            },
          ],
        },
      })),
    });
  };
  return {
    'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
      const bundle = JSON.parse(body) as {
        parameter: { part: { resource: { resourceType: string; id: string; birthDate: string } }[] }[];
      };
      ids = new Map(
        bundle.parameter.flatMap((p) =>
          p.part.flatMap(({ resource: r }) => (r?.resourceType === 'Patient' ? [[r.birthDate, r.id] as const] : [])),
        ),
      );
      a.writeHead(202, { 'content-location': '/status/match' }).end();
    },
    'GET /f/group': (r, a, b) => sends(ndjson(inGroup('match', known), inGroup('nomatch', [['ben', '']])))(r, a, b),
    'GET /status/export': (_, a) =>
      void a
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(peer.manifest([peer.file('/f/1', LINES.length)]))),
    'GET /f/1': sends(ndjson(...LINES)),
    'GET /broken/.well-known/smart-configuration': status(503),
    'GET /broken/metadata': status(503),
  };
}
