// Records that another version of the labeller decided are decided by this one, and what they pass on is inherited anew. Until
// then they count as sensitive (store/export.ts). It may be stopped at any time, and goes on where it stopped.
import type { Deps } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { hiddenSince, inheritLabelsOf, unclassifiedOf, writeLabels } from '../store/labels.ts';
import { transactionInstant } from '../store/records.ts';
import { LABELLER_VERSION, labelOf } from '../transform/label.ts';

/** Members of one transaction. */
const MEMBERS = 50;

/** @returns records that were looked at, and those whose own label became another */
export async function relabel(deps: Pick<Deps, 'database' | 'clock'>): Promise<{ records: number; changed: number }> {
  const { sql } = deps.database;
  const hidden = await hiddenSince(sql);
  const total = { records: 0, changed: 0 };
  for (let after = ''; ; ) {
    const { last, records } = await unclassifiedOf(sql, after, MEMBERS);
    if (last === undefined) break;
    after = last;
    if (records.length === 0) continue;
    const said = records.map(({ body, ...key }) => ({ ...key, label: labelOf(JSON.parse(body) as Resource) }));
    const { relabelled } = await sql.begin(async (tx) => {
      const at = await transactionInstant(tx);
      const written = await writeLabels(tx, said, hidden, at);
      await inheritLabelsOf(tx, [...new Set(said.map((r) => r.memberId))], at);
      return written;
    });
    total.records += records.length;
    total.changed += relabelled;
  }
  if (total.records > 0)
    await writeAudit(sql, [
      auditRow({
        at: deps.clock(),
        actorKind: 'command',
        actor: 'members relabel',
        action: 'relabel',
        object: 'own-records',
        detail: { ...total, labeller: LABELLER_VERSION },
      }),
    ]);
  return total;
}
