// Labels that a record inherits: what refers to a labelled record would reveal it, and is labelled like it.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { inheritedLabels } from './facts/inherited-labels.ts';
import { ANY_LABELLED } from './revealed.ts';
import { revealingOf } from './revealing.ts';

/** Types that inherit no label: people and their cover. */
const PEOPLE = `'{Patient,Coverage,RelatedPerson}'::text[]`;
/** Types whose label is no other record's. */
const OF_THEMSELVES = `'{Patient,Coverage,RelatedPerson,Provenance}'::text[]`;

/**
 * Decides again what the records of the members of the open slice inherit, as far as references lead, and those of others. A label
 * that a record loses or gains here moves it: the next export with `_since` tells of it. Members without labelled records cost one
 * look at the primary key. Once a slice, when its records and links are written: of a member with a long history all that refers to
 * anything is read.
 * @param others members of whom something else became another that labels follow
 */
export async function inheritLabels(tx: Queryable, at: string, others: readonly string[] = []): Promise<void> {
  const members = `select member_id from pg_temp.slice
    where not is_shared and member_id is not null and outcome in ('created', 'updated', 'linked-duplicate', 'retracted')
    union select unnest($1::text::text[])`;
  await inherit(tx, members, [arrayLiteral(others)], at);
}

/** The same for all records of some members. */
export async function inheritLabelsOf(tx: Queryable, memberIds: readonly string[], at: string): Promise<number> {
  return inherit(tx, 'select unnest($1::text::text[]) as member_id', [arrayLiteral(memberIds)], at);
}

/** What is read of a record, a pair, or a label that a record has to pass on. One row each: all that it refers to stands in one text. */
type LabelRow = {
  member: string;
  what: 'record' | 'refers' | 'same' | 'seed';
  key: string;
  /** what it refers to, a key a line; the other one of a pair */
  to: string | null;
  /** of a record: its own; of a seed: what is passed on */
  label: number | null;
  /** of a record: what it has now */
  now: number | null;
};

/** Between the keys that one record refers to: in none that leads to a record. */
const BREAK = '\n';

/**
 * What refers to what is followed here and not in the statement: that would look through all references again at each step of a chain.
 * @param members select of `member_id`. @param of its parameters, from `$1`
 * @returns records whose label changed
 */
async function inherit(tx: Queryable, members: string, of: string[], at: string): Promise<number> {
  const revealing = await revealingOf(
    tx,
    `select distinct k as key from (${members}) t join exchange.resource r on r.member_id = t.member_id cross join unnest(r.links) k where ${ANY_LABELLED}`,
    of,
  );
  const [root, origin, label] = [of.length + 1, of.length + 2, of.length + 3];
  const rows = await tx.unsafe<LabelRow[]>(
    `with asked as materialized (${members}), revealing as materialized (
       select * from unnest($${root}::text::text[], $${origin}::text::text[], $${label}::text::smallint[]) v(root, origin, label)
     ), concerned as materialized (
       select t.member_id
       from asked t
       join exchange.resource r on r.member_id = t.member_id
       where r.own_label > 0 or (r.own_label is not null and r.label is distinct from r.own_label)
       union
       select r.member_id from asked t join exchange.resource r on r.member_id = t.member_id cross join unnest(r.links) k
       join revealing v on v.root = k where ${revealing.length > 0}
       union
       select t.member_id from asked t join exchange.sensitive_quarantine h on h.member_id = t.member_id
     ), held as materialized (
       select r.member_id, r.type, r.id, r.type || '/' || r.id as key, r.origin, r.source_id, r.own_label, r.label, r.refers, r.links
       from concerned c join exchange.resource r on r.member_id = c.member_id
     ), urn as materialized (
       -- by themselves first: a plan that puts them behind the next join pairs all records of a member
       select h.member_id, h.key, h.origin, u from held h cross join unnest(h.refers) u where h.type <> all(${PEOPLE}) and u like 'urn:%'
     ), withheld as materialized (
       -- what was not taken in as it is sensitive: by what waits for it, and by what was here of it before
       select n.member_id, n.peer_id, n.type, n.source_id, n.label
       from (select distinct member_id from concerned) c join exchange.sensitive_quarantine n on n.member_id = c.member_id
     ), waiting as materialized (
       select w.member_id, d.type || '/' || d.id as key, w.label
       from withheld w join exchange.dangling d on d.peer_id = w.peer_id and d.target_type = w.type and d.target_id = w.source_id and d.member_id = w.member_id
       where d.type <> all(${PEOPLE})
       union all
       -- or by the id that it has where it comes from
       select w.member_id, f.key, w.label
       from withheld w join urn f on f.member_id = w.member_id and f.origin = w.peer_id and f.u = 'urn:uuid:' || lower(w.source_id)
       union all
       select w.member_id, h.key, w.label
       from withheld w join held h on h.member_id = w.member_id and h.origin = w.peer_id and h.type = w.type and h.source_id = w.source_id
       where h.type <> all(${OF_THEMSELVES})
     ), seed as (
       select member_id, key, own_label as label from held where own_label > 0 and type <> all(${OF_THEMSELVES})
       union
       select h.member_id, h.key, v.label from held h cross join unnest(h.links) k join revealing v on v.root = k and (v.origin is null or v.origin = h.origin) where h.type <> all(${PEOPLE})
       union
       select member_id, key, label from waiting
     )
     select member_id as member, 'record' as what, key, null as "to", own_label as label, label as now from held where own_label > 0 or label is distinct from own_label and own_label is not null
     union all
     select member_id, 'refers', key, array_to_string(refers, e'\\n'), null, null from held where refers is not null and type <> all(${PEOPLE})
     union all
     -- by the id that the record had where it comes from, whatever its type
     select f.member_id, 'refers', f.key, t.key, null, null from urn f
     join held t on t.member_id = f.member_id and t.origin = f.origin and 'urn:uuid:' || lower(t.source_id) = f.u
     union all
     -- what is told twice is told by either
     select l.member_id, 'same', l.type || '/' || l.a_id, coalesce(l.b_type, l.type) || '/' || l.b_id, null, null from (select distinct member_id from concerned) c
     join exchange.link l on l.member_id = c.member_id and l.state = 'confirmed' and l.kind <> 'conflict' and l.type <> all(${PEOPLE})
     union all
     select member_id, 'seed', key, null, label, null from seed`,
    [
      ...of,
      arrayLiteral(revealing.map((r) => r.key)),
      arrayLiteral(revealing.map((r) => r.origin)),
      arrayLiteral(revealing.map((r) => r.label)),
    ],
  );
  const changed = changedLabels(rows);
  if (changed.length === 0) return 0;
  const moved = await tx`
    update exchange.resource r set label = d.label, moved_at = ${at}::text::timestamptz
    from unnest(${arrayLiteral(changed.map((c) => c.member))}::text::text[], ${arrayLiteral(changed.map((c) => c.key))}::text::text[],
      ${arrayLiteral(changed.map((c) => c.label))}::text::smallint[]) d(member_id, key, label)
    where r.member_id = d.member_id and r.type = split_part(d.key, '/', 1) and r.id = split_part(d.key, '/', 2)
      and r.own_label is not null and r.label is distinct from d.label`;
  return moved.count;
}

const isOfPerson = (key: string): boolean => /^(?:Patient|Coverage|RelatedPerson)\//.test(key);

/** What each record of a member would reveal. */
function edgesOf(rows: readonly LabelRow[]): { key: string; to: string }[] {
  return rows.flatMap(({ what, key, to }) => {
    const other = to ?? '';
    if (what === 'refers') return other.split(BREAK).flatMap((one) => (isOfPerson(one) ? [] : [{ key, to: one }]));
    return what === 'same'
      ? [
          { key, to: other },
          { key: other, to: key },
        ]
      : [];
  });
}

/** Records that are to have another label than now. One of which no label is read has none of its own, and shows none. */
function changedLabels(rows: readonly LabelRow[]): { member: string; key: string; label: number }[] {
  const changed: { member: string; key: string; label: number }[] = [];
  for (const [member, of] of Map.groupBy(rows, (r) => r.member)) {
    const reached = inheritedLabels({
      seeds: of.filter((r) => r.what === 'seed').map((r) => ({ key: r.key, label: r.label ?? 0 })),
      edges: edgesOf(of),
    });
    for (const r of of) {
      if (r.what !== 'record') continue;
      const label = Math.max(r.label ?? 0, reached.get(r.key) ?? 0);
      reached.delete(r.key);
      if (label !== r.now) changed.push({ member, key: r.key, label });
    }
    for (const [key, label] of reached) changed.push({ member, key, label });
  }
  return changed;
}
