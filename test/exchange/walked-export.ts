// A whole export of a node, and the walk that looks for what must not leave.
import { type FoundFault, walkContent } from '../../exchange/compliance/export-check/check-files.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readImport } from '../../src/import/read-import.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, type Manifest } from './export-client.ts';
import { client } from './peer-client.ts';

/** Everybody is matched for a peer, every third under #sensitive. */
async function grantAll(node: TestNode, peerId: string): Promise<string> {
  const { sql } = node.deps.database;
  await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values ('j', 'match', ${peerId}, 'complete', '', '{}', now(), now())`;
  await sql`insert into exchange.match_group (id, job_id, peer_id, code, created_at, resource) values ('g', 'j', ${peerId}, 'match', now(), '{}')`;
  await sql`
    insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, member_id, group_id, consent_policy, consent_from, consent_to)
    select 'j', n, 's' || n, 'match', 'match', id, 'g', case when n % 3 = 0 then 'sensitive' else 'regular' end, current_date - 1, current_date + 100
    from (select id, row_number() over (order by id) as n from exchange.member) m`;
  return 'g';
}
/** What the walk over finished files finds, of one export or of all. */
export async function walk(node: TestNode, job?: string) {
  const faults: FoundFault[] = [];
  const verdict = await walkContent(node.deps, job, (f) => void faults.push(f));
  return { verdict, faults };
}

/** An export of everybody, made from members' files. @param env settings of the node */
export async function exported(
  paths: string[],
  env: Record<string, string> = {},
): Promise<{ node: TestNode; them: ExportClient; job: string; manifest: Manifest }> {
  const node = await startNode(env);
  await importMembers(node.deps, { records: readImport(paths), validate, reject: () => {} });
  const them = new ExportClient(node, await client(node, 'a'));
  await them.signIn();
  const group = await grantAll(node, 'a');
  const { status, manifest } = await them.finished(await them.kick(`Group/${group}/$davinci-data-export`));
  return { node, them, job: status.split('/').at(-1) ?? '', manifest };
}
