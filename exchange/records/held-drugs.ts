// Orders, fills and doses that are sensitive by the Medication that they name alone: where a line is read that is not known yet.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { localId } from '../reconcile/local-id.ts';
import { DRUG_TYPES, medicationOf } from './facts/drug.ts';
import { labelOf } from './facts/label.ts';
import { LED_TO } from './references.ts';
import { heldItem, isReleasedVersion } from './released-version.ts';

const ITEM = heldItem('$2::text', 's.type', 's.source_id');

/**
 * $4: DRUG_TYPES. Undecided units of members who chose `#regular`, unless a person released just this version, with the Medications that they name. What is shown
 * as it was released stays, though a later version waits.
 * @param isShown SQL: is the unit shown, or to be shown again, of a unit `s`?
 */
const naming = (isShown: string) => `
  select s.file, s.line, s.entry, split_part(u, '${LED_TO}', 1) as key, nullif(split_part(u, '${LED_TO}', 2), '') as led
  from exchange.staging s cross join unnest(s.refs) u
  where s.pull_id = $1 and s.type = any($4::text::text[]) and s.has_body and not s.booked and s.label = 0 and starts_with(u, 'Medication/')
    and ((s.outcome in ('created', 'linked-duplicate') and s.reason is null) or (s.outcome = 'updated' and coalesce(s.reason, 'replayed') = 'replayed'))
    and exists (select from exchange.pull_member m where m.pull_id = $3 and m.member_id = s.member_id and m.outcome = 'matched' and m.policy <> 'sensitive')
    and not exists (select from exchange.review_item v where v.id = ${ITEM}
      and v.kind = 'consent-scope' and v.decision = 'release' and v.state = 'decided' and v.b_hash = s.hash)
    and not (${isShown} and ${isReleasedVersion(ITEM, 's.hash')})`;

type Named = { key: string; staged: number | null; body: string | null };

/**
 * Holds such units of members who chose `#regular`, as a record is held that tells by itself that it is sensitive (`consent-scope`). A
 * Medication of the work counts, unless a newer version of it came before; else the one that we have. staging_pkey, staging_key,
 * identity_pkey, primary key of shared_resource.
 * @param isBack the unit is shown again, in the place of a later version
 */
export async function holdSensitiveDrugs(
  tx: Queryable,
  work: { id: string; pull: string; peerId: string },
  isBack = false,
): Promise<void> {
  const NAMING = naming(isBack ? 'true' : `s.reason is not distinct from 'replayed'`);
  const given = [work.id, work.peerId, work.pull, arrayLiteral(DRUG_TYPES)];
  const named = await tx.unsafe<Named[]>(
    `select k.key, t.label as staged, e.body
     from (select distinct key from (${NAMING}) n) k
     left join exchange.identity i on i.peer_id = $2 and i.type = 'Medication' and i.source_id = substr(k.key, 12) and i.state in ('visible', 'echo')
     left join lateral (
       select x.label from exchange.staging x
       where x.pull_id = $1 and x.type = 'Medication' and x.source_id = substr(k.key, 12) and x.has_body and x.outcome = 'created'
         and (i.last_updated is null or x.last_updated is null or x.last_updated >= i.last_updated)
       order by x.last_updated desc nulls last, x.file desc, x.line desc limit 1) t on true
     left join exchange.shared_resource e on t.label is null and e.type = 'Medication' and e.id = i.local_id and not e.deleted
     where t.label > 0 or e.body is not null`,
    given,
  );
  const sensitive = named
    .filter((n) => (n.body === null ? n.staged : labelOf(JSON.parse(n.body) as Resource)))
    .map((n) => n.key);
  if (sensitive.length === 0) return;
  const units = await tx.unsafe<
    { file: number; line: number; entry: number; key: string; led: string | null; body: string }[]
  >(
    `select n.*, t.body from (${NAMING}) n
     join exchange.staged_text t on t.pull_id = $1 and t.file = n.file and t.line = n.line and t.entry = n.entry
     where n.key = any($5::text::text[])`,
    [...given, arrayLiteral(sensitive)],
  );
  // it may refer to one by the way, which is not its drug
  const held = units.filter(({ key, led, body }) => {
    const drug = `Medication/${led ?? localId(work.peerId, 'Medication', key.slice('Medication/'.length))}`;
    return medicationOf(JSON.parse(body) as Resource) === drug;
  });
  await tx.unsafe(
    `update exchange.staging s set outcome = 'quarantined', reason = 'consent-scope'
     from unnest($2::text::int[], $3::text::int[], $4::text::int[]) as h(file, line, entry)
     where s.pull_id = $1 and s.file = h.file and s.line = h.line and s.entry = h.entry`,
    [work.id, ...(['file', 'line', 'entry'] as const).map((c) => arrayLiteral(held.map((u) => u[c])))],
  );
}
