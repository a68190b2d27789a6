// The leases of a killed process, ended at once instead of after their 30 seconds.
import type { Sql } from 'postgres';

/** Only while no process works on the database. */
export async function expireLeases(sql: Sql): Promise<void> {
  await sql`update exchange.pull set lease_until = now() where lease_until > now()`;
  await sql`update exchange.attachment set lease_until = now() where lease_until > now()`;
  await sql`update exchange.bulk_job set lease_until = now() where lease_until > now()`;
  await sql`update directory.publish_lease set lease_until = now() where lease_until > now()`;
}
