// What pairs of records say: texts and NPIs, of the work and of what is stored.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Pair } from './link.ts';

/** A record whose text is wanted: a unit of the work by its place, or what is stored of a member. */
export type Wanted = { key: string; memberId: string; type: string; id: string; at: Pair['other'] };

/** JSON texts of records by {@link Wanted.key}, references in our ids. What is gone meanwhile is left out. Primary keys of staged_text, rewritten and resource. */
export async function textsOf(sql: Queryable, work: string, wanted: readonly Wanted[]): Promise<Map<string, string>> {
  const staged = wanted.flatMap(({ key, at }) => (at === null ? [] : [{ key, ...at }]));
  const stored = wanted.filter((w) => w.at === null);
  const column = <T>(of: readonly T[], value: (one: T) => string | number) => arrayLiteral(of.map(value));
  type Row = { key: string; body: string };
  const [ofWork, ofMembers] = await Promise.all([
    staged.length === 0
      ? []
      : sql<Row[]>`
          select k.key, coalesce(w.final, t.body) as body
          from unnest(${column(staged, (s) => s.key)}::text::text[], ${column(staged, (s) => s.file)}::text::int[],
            ${column(staged, (s) => s.line)}::text::int[], ${column(staged, (s) => s.entry)}::text::int[]) k(key, file, line, entry)
          cross join lateral (select body from exchange.staged_text x where x.pull_id = ${work} and x.file = k.file and x.line = k.line and x.entry = k.entry offset 0) t
          left join lateral (select final from exchange.staged_reference x where x.pull_id = ${work} and x.file = k.file and x.line = k.line and x.entry = k.entry offset 0) w on true`,
    stored.length === 0
      ? []
      : sql<Row[]>`
          select k.key, r.body
          from unnest(${column(stored, (s) => s.key)}::text::text[], ${column(stored, (s) => s.memberId)}::text::text[],
            ${column(stored, (s) => s.type)}::text::text[], ${column(stored, (s) => s.id)}::text::text[]) k(key, member_id, type, id)
          cross join lateral (select body from exchange.resource x where x.member_id = k.member_id and x.type = k.type and x.id = k.id and not x.deleted offset 0) r`,
  ]);
  return new Map([...ofWork, ...ofMembers].map((r) => [r.key, r.body]));
}

/**
 * NPIs of directory-type records by our key, those of this work included. A role without one has that of its practitioner: some name who did something by the
 * role, others by the person. Primary key; staging_shared.
 */
export async function npisOf(sql: Queryable, work: string, keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const here = (type: string, id: string) => `
    select coalesce(e.npi, s.npi) as npi, coalesce(e.links, s.links) as links from (select 1) one
    left join exchange.shared_resource e on e.type = ${type} and e.id = ${id}
    left join lateral (
      select s.npi, coalesce(w.links, s.links) as links from exchange.staging s left join exchange.staged_reference w using (pull_id, file, line, entry)
      where s.pull_id = $1 and s.is_shared and s.local_id = ${id} and s.type = ${type} order by s.npi is null limit 1) s on true`;
  const rows = await sql.unsafe<{ key: string; npi: string }[]>(
    `select k.key, coalesce(h.npi, p.npi) as npi
     from (select t as key, split_part(t, '/', 1) as type, split_part(t, '/', 2) as id from unnest($2::text::text[]) t) k
     cross join lateral (${here('k.type', 'k.id')}) h
     left join lateral (
       select n.npi from unnest(h.links) l cross join lateral (${here(`'Practitioner'`, `substr(l, ${'Practitioner/'.length + 1})`)}) n
       where k.type = 'PractitionerRole' and h.npi is null and starts_with(l, 'Practitioner/') and n.npi is not null limit 1) p on true
     where coalesce(h.npi, p.npi) is not null`,
    [work, arrayLiteral(keys)],
  );
  return new Map(rows.map((r) => [r.key, r.npi]));
}
