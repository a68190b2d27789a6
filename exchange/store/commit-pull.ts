// Committing a decided pull: entities, links, identity map, ledger, findings and Provenance in the caller's transaction.
import type { Queryable } from '../../src/store/database.ts';
import { LABELLER } from '../transform/label.ts';
import { byKey, writeMemberRecords, writeSharedRecords } from './records.ts';

/** Findings that are counted by type instead of one row a unit: they are about the peer, not about one record. */
const COUNTED = ['profile-violation', 'older-than-5y', 'money-present', 'dangling-soft'];

async function writeLinks(tx: Queryable, pull: string, peerId: string): Promise<void> {
  await tx.unsafe(
    `insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
     select s.member_id, s.type, least(s.local_id, r.id), greatest(s.local_id, r.id),
       case when min(r.kind) = 1 then 'same-record' else 'same-event' end, case when min(r.kind) = 1 then 1.0 else 0.9 end, 'confirmed',
       min(split_part(k, '|', 1)), $1
     from exchange.staging s cross join unnest(s.keys) k
     join exchange.record_key r on r.member_id = s.member_id and r.type = s.type and r.kind = case left(k, 1) when 's' then 1 else 2 end and r.hash = hashtextextended(k, 0)
     where s.pull_id = $1 and s.outcome in ('linked-duplicate', 'updated') and left(k, 1) <> 'v' and r.origin <> $2
     group by s.member_id, s.type, s.local_id, r.id
     on conflict do nothing`,
    [pull, peerId],
  );
  // the same measurement, drug order, allergy or problem, told differently: both stay, a person decides
  await tx.unsafe(
    `with clash as (
       select distinct s.member_id, s.type, s.local_id, r.id as other, s.file, s.line, s.entry, s.source_id
       from exchange.staging s cross join unnest(s.keys) k
       join exchange.record_key r on r.member_id = s.member_id and r.type = s.type and r.kind = 3 and r.hash = hashtextextended(k, 0) and r.origin <> $2
       where s.pull_id = $1 and s.outcome in ('created', 'updated', 'linked-duplicate') and left(k, 1) = 'v'
         and not exists (
           select from unnest(s.keys) e join exchange.record_key x on x.member_id = s.member_id and x.type = s.type and x.kind = 2
             and x.hash = hashtextextended(e, 0) and x.id = r.id where left(e, 1) = 'e')
     ), linked as (
       insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
       select member_id, type, least(local_id, other), greatest(local_id, other), 'conflict', 0, 'proposed', 'value', $1 from clash
       on conflict do nothing returning member_id, type, a_id, b_id
     )
     insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id, detail)
     select $1, 'value-mismatch', c.file, c.line, c.entry, c.type, c.source_id, c.member_id, c.local_id, c.other
     from clash c join linked l on l.member_id = c.member_id and l.type = c.type and l.a_id = least(c.local_id, c.other) and l.b_id = greatest(c.local_id, c.other)`,
    [pull, peerId],
  );
  await tx`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
    select member_id, 'Patient', least(local_id, member_id), greatest(local_id, member_id), 'same-record', 1, 'confirmed', 'match', ${pull}
    from exchange.staging where pull_id = ${pull} and type = 'Patient' and outcome = 'linked-duplicate'
    on conflict do nothing`;
}

async function writeIdentity(tx: Queryable, pull: string, peerId: string): Promise<void> {
  await tx`
    insert into exchange.identity (peer_id, type, source_id, local_id, member_id, state, hash, last_updated, first_pull, last_pull)
    select distinct on (type, source_id) ${peerId}, type, source_id, coalesce(local_id, ''), member_id,
      case outcome when 'retracted' then 'retracted' when 'quarantined' then 'quarantined' when 'echo' then 'echo' else 'visible' end, hash, last_updated, ${pull}, ${pull}
    from exchange.staging
    where pull_id = ${pull} and outcome in ('created', 'updated', 'linked-duplicate', 'shared', 'echo', 'retracted', 'quarantined') and source_id is not null
      and not (outcome = 'quarantined' and exists (select from exchange.identity i where i.peer_id = ${peerId} and i.type = staging.type and i.source_id = staging.source_id and i.state <> 'quarantined'))
    order by type, source_id, (outcome = 'quarantined'), file desc, line desc
    on conflict (peer_id, type, source_id) do update set state = excluded.state, last_pull = excluded.last_pull,
      local_id = case when excluded.local_id = '' then exchange.identity.local_id else excluded.local_id end,
      member_id = coalesce(excluded.member_id, exchange.identity.member_id),
      hash = coalesce(excluded.hash, exchange.identity.hash), last_updated = coalesce(excluded.last_updated, exchange.identity.last_updated)`;
}

async function writeLedger(tx: Queryable, pull: string): Promise<void> {
  await tx`
    insert into exchange.ledger (pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated)
    select pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated
    from exchange.staging where pull_id = ${pull}`;
  await tx`
    insert into exchange.finding (pull_id, kind, type, amount)
    select ${pull}, f, type, count(*) from exchange.staging cross join unnest(findings) f
    where pull_id = ${pull} and f = any(${COUNTED}) group by f, type`;
  await tx`
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id)
    select ${pull}, f, file, line, entry, type, source_id, member_id, local_id from exchange.staging cross join unnest(findings) f
    where pull_id = ${pull} and f <> all(${COUNTED})`;
  await tx`
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id)
    select ${pull}, reason, file, line, entry, type, source_id, member_id, local_id from exchange.staging
    where pull_id = ${pull} and reason in ('reinstated', 'patient-change')`;
}

/** Who keeps these records now and where they came from: one Provenance per member, activity and 10 000 records. */
async function writeCustody(
  tx: Queryable,
  pull: string,
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
      `payer-to-payer export of ${JSON.stringify(peer.name).slice(1, -1)}`,
    );
  await tx.unsafe(
    `with target as (
       select member_id, case outcome when 'updated' then 'UPDATE' else 'APPEND' end as activity, type || '/' || local_id as ref,
         (row_number() over (partition by member_id, outcome = 'updated' order by file, line) - 1) / 10000 as chunk
       from exchange.staging
       where pull_id = $1 and not is_shared and outcome in ('created', 'updated', 'linked-duplicate') and type <> 'Provenance'
     ), made as (
       select member_id, gen_random_uuid()::text as id, activity, string_agg('{"reference":"' || ref || '"}', ',' order by ref) as targets, array_agg(ref) as refs
       from target group by member_id, activity, chunk
     )
     insert into exchange.resource (member_id, type, id, version, origin, last_updated, hash, label, own_label, labeller, targets, body)
     select member_id, 'Provenance', id, 1, 'own', $2::text::timestamptz, sha256(convert_to(targets, 'UTF8')), 0, 0, ${LABELLER}, refs,
       $3 || id || $4 || targets || case activity when 'UPDATE' then $5 else $6 end
     from made`,
    [pull, at, head, meta, closing('UPDATE'), closing('APPEND')],
  );
}

/** Writes everything that was decided for a pull. The staging stays; the caller clears it after the commit. */
export async function commitPull(
  tx: Queryable,
  pull: string,
  peer: { id: string; name: string; npi: string | null },
  us: { name: string; npi: string | null },
  at: string,
): Promise<void> {
  await byKey(tx);
  await writeSharedRecords(tx, pull, peer.id, at);
  await writeLinks(tx, pull, peer.id);
  await writeMemberRecords(tx, pull, peer.id, at);
  await writeIdentity(tx, pull, peer.id);
  await writeLedger(tx, pull);
  await writeCustody(tx, pull, peer, us, at);
}
