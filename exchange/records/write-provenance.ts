// Provenance of what the open slice writes: what a statement of transmission is about, and who keeps these records now.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { withMember } from '../../src/fhir/json-text.ts';
import { LABELLER } from './facts/label.ts';

/** Statements of one member that become so; nobody makes more of one transmission. */
const MOST_RETARGETED = 10;

/**
 * A statement of transmission that names the person or a Bundle is about the records of the member that came with it: up to
 * 10,000 of them become its targets. What names records keeps them.
 */
export async function retargetTransmissions(tx: Queryable, work: string): Promise<void> {
  const told = await tx<{ memberId: string; id: string; body: string; keys: string[] }[]>`
    with general as materialized (
      select pull_id, file, line, entry, member_id, local_id from pg_temp.slice s
      where type = 'Provenance' and outcome in ('created', 'updated', 'linked-duplicate') and not is_shared
        and not exists (select from unnest(s.targets) x where x not like 'Patient/%' and x not like 'Bundle/%')
    ), told as materialized (
      select member_id, local_id from (
      select g.member_id, g.local_id, row_number() over (partition by g.member_id order by g.file, g.line, g.entry) as place from general g cross join lateral (
        select from exchange.staged_text t
        where t.pull_id = g.pull_id and t.file = g.file and t.line = g.line and t.entry = g.entry and t.body like '%"transmitter"%' offset 0) t
      ) g where place <= ${MOST_RETARGETED}
    ), record as (
      select member_id, type || '/' || local_id as key, row_number() over (partition by member_id order by file, line) as place
      from (
        select s.member_id, s.type, s.local_id, s.file, s.line from pg_temp.slice s
        where s.outcome in ('created', 'updated', 'linked-duplicate', 'unchanged', 'echo') and not s.is_shared and s.reason is distinct from 'duplicate-in-job'
        union all
        select b.member_id, b.type, u.local_id, b.file, u.line from exchange.staging_block b cross join lateral unnest(b.lines, b.local_ids) as u(line, local_id)
        where b.pull_id = ${work} and b.member_id in (select member_id from told)
      ) s join (select distinct member_id from told) m using (member_id)
      where type not in ('Provenance', 'Patient')
    ), records as (
      select member_id, array_agg(key order by place) as keys from record where place <= 10000 group by member_id
    )
    select t.member_id as "memberId", t.local_id as id, r.body, x.keys
    from told t join records x using (member_id) join exchange.resource r on r.member_id = t.member_id and r.type = 'Provenance' and r.id = t.local_id`;
  if (told.length === 0) return;
  const bodies = told.map((t) =>
    withMember(t.body, 'target', `[${t.keys.map((k) => `{"reference":"${k}"}`).join(',')}]`),
  );
  await tx`
    update exchange.resource r set targets = string_to_array(x.keys, ','), body = x.body
    from unnest(${arrayLiteral(told.map((t) => t.memberId))}::text::text[], ${arrayLiteral(told.map((t) => t.id))}::text::text[],
      ${arrayLiteral(told.map((t) => t.keys.join()))}::text::text[], ${arrayLiteral(bodies)}::text::text[]) x(member_id, id, keys, body)
    where r.member_id = x.member_id and r.type = 'Provenance' and r.id = x.id`;
}

/**
 * Who keeps these records now and where they came from: one Provenance per member, activity and 10 000 records. A received Patient has
 * one of its own: it stays in the house, and a Provenance that named it among other records would lead a peer nowhere.
 */
export async function writeCustody(
  tx: Queryable,
  peer: { name: string; npi: string | null },
  us: { name: string; npi: string | null },
  at: string,
): Promise<void> {
  const who = (p: { name: string; npi: string | null }) =>
    JSON.stringify({
      ...(p.npi === null ? {} : { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: p.npi } }),
      display: p.name,
    });
  const head = `{"resourceType":"Provenance","id":"`;
  const meta = `","meta":{"versionId":"1","lastUpdated":"${at}","profile":["http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-provenance"]},"target":[`;
  const tail = (activity: string) =>
    `],"recorded":"${at}","activity":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-DataOperation","code":"${activity}"}]},` +
    `"reason":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"RECORDMGT"}]}],"agent":[` +
    `{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/provenance-participant-type","code":"custodian"}]},"who":${who(us)}},` +
    `{"type":{"coding":[{"system":"http://hl7.org/fhir/us/davinci-pdex/CodeSystem/ProvenanceAgentRoleType","code":"source"}]},"who":${who(peer)}}],` +
    `"entity":[{"extension":[{"url":"http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/ProvenanceSourceFrom","valueCodeableConcept":{"coding":[` +
    `{"system":"http://hl7.org/fhir/us/davinci-pdex/CodeSystem/ProvenancePayerDataSource","code":"hl7fhirr4"}]}}],"role":"source","what":{"display":"payer-to-payer export of "}}]}`;
  const closing = (activity: string) =>
    tail(activity).replace(
      'payer-to-payer export of ',
      // as it is: a name may hold what a pattern would read
      () => `payer-to-payer export of ${JSON.stringify(peer.name).slice(1, -1)}`,
    );
  await tx.unsafe(
    `with target as (
       select member_id, case outcome when 'updated' then 'UPDATE' else 'APPEND' end as activity, type || '/' || local_id as ref,
         type = 'Patient' as is_person,
         (row_number() over (partition by member_id, outcome = 'updated', type = 'Patient' order by file, line) - 1) / 10000 as chunk
       from pg_temp.slice
       where not is_shared and outcome in ('created', 'updated', 'linked-duplicate') and type <> 'Provenance'
     ), made as (
       select member_id, gen_random_uuid()::text as id, activity, string_agg('{"reference":"' || ref || '"}', ',' order by ref) as targets, array_agg(ref) as refs
       from target group by member_id, activity, is_person, chunk
     )
     insert into exchange.resource (member_id, type, id, version, origin, last_updated, hash, label, own_label, labeller, targets, body)
     select member_id, 'Provenance', id, 1, 'own', $1::text::timestamptz, sha256(convert_to(targets, 'UTF8')), 0, 0, ${LABELLER}, refs,
       $2 || id || $3 || targets || case activity when 'UPDATE' then $4 else $5 end
     from made`,
    [at, head, meta, closing('UPDATE'), closing('APPEND')],
  );
}
