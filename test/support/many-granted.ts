// A payer for which very many members were matched: copies of one member, made inside the database.
import type { Sql } from '../../src/db/database.ts';

/** Copy `n` was born so many days after the first of 1930, as text. */
export const bornOf = (n: number): string =>
  new Date(Date.UTC(1930, 0, 1) + (n % 30_000) * 86_400_000).toISOString().slice(0, 10);
/** Copies sort behind the member itself and behind each other. */
export const copyOf = (n: number): string => `many-${String(n).padStart(7, '0')}`;

/**
 * @param member who was matched by a bulk match, and has a Patient
 * @param born the member's birth date as its Patient has it
 * @param size copies; each has the member's records under ids of its own
 */
export async function copyMembers(sql: Sql, member: string, born: string, size: number): Promise<void> {
  const name = `'many-' || lpad(n::text, 7, '0')`;
  const day = `(date '1930-01-01' + n % 30000)::text`;
  const copy = (table: string, set: string, where = `r.member_id = '${member}'`) =>
    sql.unsafe(
      `insert into exchange.${table} select (jsonb_populate_record(r, jsonb_build_object(${set}))).* from exchange.${table} r, generate_series(1, ${size}) n where ${where}`,
    );
  await copy('member', `'id', ${name}, 'umb', 'U-' || ${name}`, `r.id = '${member}'`);
  await copy('member_profile', `'member_id', ${name}, 'dob', array[${day}]`);
  await copy('match_member', `'position', r.position + n, 'member_id', ${name}`);
  await copy(
    'resource',
    `'member_id', ${name}, 'id', case when r.type = 'Patient' then ${name} else r.id || '-' || n end,
     'body', replace(replace(r.body, '${member}', ${name}), '${born}', ${day}),
     'shared', replace(replace(r.shared, '${member}', ${name}), '${born}', ${day})`,
  );
  await sql.unsafe('analyze exchange.member, exchange.member_profile, exchange.match_member, exchange.resource');
}
