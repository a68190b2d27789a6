// Medications that several payers have as one entry, and that one of them says to be another drug now: it leaves that entry, and the records
// that name it follow. For the others it stays the drug that it was.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { localId } from '../reconcile/local-id.ts';
import type { Decided } from './decided.ts';
import { heldItem, isReleasedVersion } from './released-version.ts';

/** A drug is known by its codes: that it has a number in common with another one makes it no other than those say. */
export const isByCode = (s: string, key: string): string =>
  `(${s}.type <> 'Medication' or starts_with(${key}, 'e:') or not exists (select from unnest(${s}.keys) x where starts_with(x, 'e:')))`;

type Turned = {
  file: number;
  line: number;
  entry: number;
  sourceId: string;
  hash: string;
  localId: string;
  isOwner: boolean;
};

/** $1 work. Known Medications with another content that is in the entry that they are here by no code any more. */
const TURNED = `
  select s.file, s.line, s.entry, s.source_id as "sourceId", encode(s.hash, 'hex') as hash, s.local_id as "localId",
    e.origin = $2 and e.source_id = s.source_id as "isOwner"
  from exchange.staging s join exchange.shared_resource e on e.type = s.type and e.id = s.local_id
  where s.pull_id = $1 and s.type = 'Medication' and s.is_shared and s.has_body and not s.booked and s.outcome in ('shared', 'updated')
    and not exists (
      select from unnest(s.keys) k join exchange.shared_key r on r.type = s.type and r.kind = 2 and r.hash = hashtextextended(k, 0) and r.id = s.local_id
      where starts_with(k, 'e:'))`;

/**
 * Those of some entries that are somebody's beside one Medication that leaves them: another payer's, or another one of the same. identity_pkey,
 * payer by payer, each once.
 * @param gone statement of `id` and `source_id`; $1 peer
 */
const othersToo = (gone: string): string => `
  select distinct g.id from (${gone}) g join (
    select p.id as peer_id, i.local_id, i.source_id from (select id from exchange.peer where exists (${gone})) p cross join lateral (
      select x.local_id, x.source_id from exchange.identity x
      where x.peer_id = p.id and x.type = 'Medication' and x.state in ('visible', 'echo') and x.local_id in (select id from (${gone}) n) offset 0) i
  ) o on o.local_id = g.id and not (o.peer_id = $1 and o.source_id = g.source_id)`;

/**
 * Gives such Medications of a work an entry of their own; whether there is one of that drug already is looked for afterwards. One whose entry
 * is nobody else's stays there, as another version. After knownUnits; staging_pkey, primary keys.
 */
export async function leaveOtherDrugs(tx: Queryable, work: Decided): Promise<void> {
  // one that is deleted or withdrawn is no longer its payer's; what others have as theirs too is there still
  const gone = `select s.local_id as id, s.source_id from exchange.staging s where s.pull_id = $2 and s.type = 'Medication' and s.is_shared and s.outcome = 'retracted' and not s.booked and s.local_id is not null`;
  await tx.unsafe(
    `update exchange.staging s set local_id = null
     where s.pull_id = $2 and s.type = 'Medication' and s.is_shared and s.outcome = 'retracted' and not s.booked and s.local_id in (${othersToo(gone)})`,
    [work.peerId, work.id],
  );
  const turned = await tx.unsafe<Turned[]>(TURNED, [work.id, work.peerId]);
  const owned = turned.filter((t) => t.isOwner);
  const others = new Set<string>();
  if (owned.length > 0)
    for (const { id } of await tx.unsafe<{ id: string }[]>(
      othersToo('select id, source_id from unnest($2::text::text[], $3::text::text[]) u(id, source_id)'),
      [work.peerId, arrayLiteral(owned.map((t) => t.localId)), arrayLiteral(owned.map((t) => t.sourceId))],
    ))
      others.add(id);
  const left = turned
    .filter((t) => !t.isOwner || others.has(t.localId))
    .map((t) => ({
      ...t,
      localId: localId(work.peerId, 'Medication', t.isOwner ? `${t.sourceId}|${t.hash}` : t.sourceId),
    }));
  if (left.length === 0) return;
  await tx`
    update exchange.staging s set local_id = t.local_id, outcome = case s.outcome when 'shared' then 'created' when 'updated' then case when s.reason is null then 'created' else 'updated' end end
    from unnest(${arrayLiteral(left.map((t) => t.file))}::text::int[], ${arrayLiteral(left.map((t) => t.line))}::text::int[], ${arrayLiteral(left.map((t) => t.entry))}::text::int[], ${arrayLiteral(left.map((t) => t.localId))}::text::text[])
      as t(file, line, entry, local_id)
    where s.pull_id = ${work.id} and s.file = t.file and s.line = t.line and s.entry = t.entry`;
}

/** Where a record stands that names an entry which a Medication of its payer has left. `isReleased`: as it is shown, a person took it in. */
export type NamesFormer = {
  type: string;
  sourceId: string;
  memberId: string;
  localId: string;
  isReleased: boolean;
} & (
  | { pullId: string; file: number; line: number; entry: number }
  | { pullId: null; file: null; line: null; entry: null }
);

/**
 * Records of a payer that name an entry which one of its Medications left in this work, and where they stood as they are shown. What the
 * ledger says of earlier pulls counts: a work that is gone on with finds the same. ledger_member, medication_reference_id, resource_pkey, review_decision_item.
 */
export async function namersOfFormer(sql: Queryable, work: Decided): Promise<NamesFormer[]> {
  const turned = await sql<{ sourceId: string; localId: string }[]>`
    select s.source_id as "sourceId", i.local_id as "localId"
    from exchange.staging s join exchange.identity i on i.peer_id = ${work.peerId} and i.type = s.type and i.source_id = s.source_id
    where s.pull_id = ${work.id} and s.type = 'Medication' and s.is_shared and s.has_body and (s.outcome in ('created', 'shared') or s.reason = 'reinstated')
      and i.first_pull <> ${work.pull} and i.state = 'visible'`;
  if (turned.length === 0) return [];
  const former = await sql<{ id: string }[]>`
    select distinct l.local_id as id
    from unnest(${arrayLiteral(turned.map((t) => t.sourceId))}::text::text[], ${arrayLiteral(turned.map((t) => t.localId))}::text::text[]) t(source_id, local_id)
    join exchange.ledger_unit l on l.member_id is null and l.type = 'Medication' and l.source_id = t.source_id and l.local_id <> t.local_id
      and l.outcome in ('created', 'updated', 'shared')
    join exchange.pull p on p.id = l.pull_id and p.peer_id = ${work.peerId}`;
  if (former.length === 0) return [];
  const copied = await sql<{ id: string; hash: string }[]>`
    select v.id, encode(v.hash, 'hex') as hash from unnest(${arrayLiteral(former.map((f) => f.id))}::text::text[]) f
    join exchange.shared_resource_version v on v.type = 'Medication' and v.id = f`;
  const left = [...former.map((f) => f.id), ...copied.map((c) => copyOf(c.id, c.hash))];
  return [
    ...(await sql<NamesFormer[]>`
      with named as materialized (
        select distinct r.member_id, r.type, r.id, r.origin, r.source_id, r.hash
        from unnest(${arrayLiteral(left)}::text::text[]) f join exchange.medication_reference n on n.id = f and not starts_with(n.named_by, 'Medication/')
        join exchange.resource r on r.member_id = n.named_by and r.origin = ${work.peerId} and not r.deleted and 'Medication/' || f = any(r.links)
      )
      select distinct on (n.type, n.source_id) n.type, n.source_id as "sourceId", n.member_id as "memberId", n.id as "localId",
        ${sql.unsafe(isReleasedVersion(heldItem('n.origin', 'n.type', 'n.source_id'), 'n.hash'))} as "isReleased", l.pull_id as "pullId", l.file, l.line, l.entry
      from named n
      left join (
        exchange.ledger l join exchange.pull p on p.id = l.pull_id join exchange.pull_file f on f.pull_id = l.pull_id and f.position = l.file and f.blob_key is not null
      ) on l.member_id = n.member_id and l.type = n.type and l.source_id = n.source_id and l.hash = n.hash and l.pull_id <> ${work.id}
      order by n.type, n.source_id, p.created_at desc, l.file desc, l.line desc`),
  ];
}

/** The entry that goes on as a drug which another one of ours was. */
const copyOf = (id: string, hash: string): string => localId('own', 'Medication', `${id}|${hash}`);

/**
 * Medications of our own that the open slice turns into other drugs, or deletes, stay what they were for the payers that have them as theirs
 * too: as another entry of ours, to which these payers' records are led. Before the slice is written. Primary keys of shared_key, identity and
 * resource; medication_reference_id.
 */
export async function leaveOwnDrugs(tx: Queryable, at: string): Promise<void> {
  const turned = await tx<{ id: string; hash: string }[]>`
    with turned as materialized (
      select e.id, encode(e.hash, 'hex') as hash from pg_temp.slice s join exchange.shared_resource e on e.type = s.type and e.id = s.local_id and not e.deleted
      where s.type = 'Medication' and s.is_shared and (s.outcome = 'retracted' or (s.outcome = 'updated'
        and not exists (
          select from unnest(s.keys) k join exchange.shared_key r on r.type = 'Medication' and r.kind = 2 and r.hash = hashtextextended(k, 0) and r.id = s.local_id
          where starts_with(k, 'e:'))))
    )
    select distinct t.id, t.hash from (select id from exchange.peer where exists (select from turned)) p cross join lateral (
      select x.local_id from exchange.identity x
      where x.peer_id = p.id and x.type = 'Medication' and x.state in ('visible', 'echo') and x.local_id in (select id from turned) offset 0) i
    join turned t on t.id = i.local_id`;
  for (const { id, hash } of turned) {
    const copy = copyOf(id, hash);
    const [key, ours] = [`Medication/${id}`, `Medication/${copy}`];
    const [was, is] = [`"reference":"${key}"`, `"reference":"${ours}"`];
    const [idWas, idIs] = [`"id":"${id}"`, `"id":"${copy}"`];
    await tx`
      insert into exchange.shared_resource (type, id, version, origin, source_id, last_updated, hash, npi, links, label, labeller, body)
      select type, ${copy}, version, origin, ${copy}, last_updated, hash, npi, links, label, labeller, replace(body, ${idWas}, ${idIs})
      from exchange.shared_resource where type = 'Medication' and id = ${id} on conflict do nothing`;
    await tx`
      insert into exchange.shared_key (type, kind, hash, id, origin)
      select type, kind, hash, ${copy}, origin from exchange.shared_key where type = 'Medication' and id = ${id} on conflict do nothing`;
    await tx`
      update exchange.identity i set local_id = ${copy} from exchange.peer p where i.peer_id = p.id and i.type = 'Medication' and i.local_id = ${id}`;
    await tx`update exchange.entry_label set local_id = ${copy} where type = 'Medication' and local_id = ${id}`;
    await tx`
      with moved as (
        update exchange.resource r set body = replace(r.body, ${was}, ${is}), shared = replace(r.shared, ${was}, ${is}),
          links = array_replace(r.links, ${key}, ${ours}), moved_at = ${at}::text::timestamptz
        from exchange.medication_reference n where n.id = ${id} and r.member_id = n.named_by and r.origin <> 'own' and ${key} = any(r.links)
        returning r.member_id
      )
      insert into exchange.medication_reference (named_by, id) select distinct member_id, ${copy} from moved on conflict do nothing`;
  }
}
