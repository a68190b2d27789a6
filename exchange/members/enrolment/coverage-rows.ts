// The Coverage records of our own members, and the organizations that they name.
import type { Queryable } from '../../../src/db/database.ts';

export type StoredCoverage = { memberId: string; id: string; body: string; links: string[] | null };

/** All own Coverage of the next members after one, in their order. By the primary key of resource. */
export async function coveragesOf(sql: Queryable, after: string, members: number): Promise<StoredCoverage[]> {
  return [
    ...(await sql<StoredCoverage[]>`
      select r.member_id as "memberId", r.id, r.body, r.links
      from (select id from exchange.member where id > ${after} order by id limit ${members}) m
      join exchange.resource r on r.member_id = m.id and r.type = 'Coverage' and r.origin = 'own' and not r.deleted
      order by r.member_id, r.id`),
  ];
}

/** Organizations among links (`Organization/id`). By the primary key of shared_resource. */
export async function organizationsOf(
  sql: Queryable,
  links: readonly string[],
): Promise<{ id: string; body: string }[]> {
  const ids = [...new Set(links.filter((l) => l.startsWith('Organization/')).map((l) => l.slice(13)))];
  return [
    ...(await sql<{ id: string; body: string }[]>`
      select id, body from exchange.shared_resource where type = 'Organization' and id = any(${ids}::text[]) and not deleted`),
  ];
}
