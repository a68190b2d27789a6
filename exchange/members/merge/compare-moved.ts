// After two members are merged or unmerged: what each Patient says of the other, and what the records that came
// together have to do with each other. May be repeated.

import type { Sql } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { addresses } from '../../plan.ts';
import { recomputeChainsOf } from '../../reconcile/chain/recompute.ts';
import { copyOf } from '../../reconcile/inbound.ts';
import { recordKeys } from '../../reconcile/record-keys.ts';
import { commitImport, knowStaged } from '../../records/import.ts';
import { outlivedOf } from '../../records/outlived.ts';
import { followOutlived } from '../../records/outlived-items.ts';
import { transactionInstant } from '../../records/records.ts';
import { EVERYTHING, openSlice } from '../../records/slice.ts';
import { clearStaging, lendStaging, openStaging, type StagedUnit, stageUnits } from '../../records/staging.ts';
import { betweenSlices } from '../../requester/commit-batch.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { linkStaged } from '../enrolment/link-own.ts';
import { readOwnRecord } from '../enrolment/read-own.ts';
import { allFormers, claimCompare, compared } from './member-merge.ts';
import { type OriginRecord, recordsAfter } from './merge-parts.ts';
import { withLinks } from './surviving-member.ts';

type Needs = Pick<Deps, 'database' | 'config' | 'clock'>;
type Pair = { id: string; memberId: string; formerId: string };

const PAGE = 500;
/** How long one process has. */
const COMPARE_MS = 600_000;

/** Writes what the Patients of the two say of each other, as an import of our own would. */
async function sayOfEachOther(deps: Needs, { id, memberId, formerId }: Pair): Promise<void> {
  const work = `people-${id}`;
  const formers = await allFormers(deps.database.sql);
  const texts = [...(await patientTexts(deps.database.sql, [memberId, formerId])).values()];
  async function* units(): AsyncGenerator<StagedUnit> {
    for (const [line, body] of texts.entries()) {
      const linked = withLinks(body, formers);
      const read = readOwnRecord(JSON.parse(linked) as Resource, linked);
      if ('unit' in read) yield { file: 0, line, entry: 0, ...read.unit };
    }
  }
  try {
    await lendStaging(deps.database, 1, ([clients]) => stageUnits(openStaging(clients), work, units()));
    await knowStaged(deps.database);
    await commitImport(deps.database, work);
  } finally {
    await clearStaging(deps.database.sql, work);
  }
}

async function* recordsOf(sql: Sql, memberId: string): AsyncGenerator<OriginRecord> {
  for (let after: [string, string] | undefined = ['', '']; after; ) {
    const page: OriginRecord[] = await recordsAfter(sql, memberId, after, PAGE);
    yield* page;
    const last = page.at(-1);
    after = last && [last.type, last.id];
  }
}

/**
 * Judges all records of one origin that are there of a member beside all others of the member.
 * @param ourBase by which payers name records of ours; of our own ones no one asks
 */
async function judgeOrigin(deps: Needs, work: string, memberId: string, origin: string, ourBase = ''): Promise<void> {
  const { sql } = deps.database;
  async function* units(): AsyncGenerator<StagedUnit> {
    let line = 0;
    for await (const r of recordsOf(sql, memberId)) {
      if (r.origin !== origin || r.deleted || r.type === 'Provenance') continue;
      const { type, id, body } = r;
      const resource = JSON.parse(body) as Resource;
      const keys = recordKeys(resource);
      // what names one of ours was the other one's when it came, and was not looked for among these
      const echoOf = origin === 'own' ? undefined : copyOf(resource, ourBase);
      yield {
        file: 0,
        line: line++,
        entry: 0,
        outcome: 'updated',
        type,
        sourceId: r.sourceId ?? id,
        lastUpdated: r.changedAt?.toISOString(),
        localId: id,
        memberId,
        keys,
        echoOf,
        body,
        hash: r.hash,
      };
    }
  }
  const of = { id: work, pull: null, peerId: origin };
  try {
    await lendStaging(deps.database, 1, ([clients]) => stageUnits(openStaging(clients), work, units()));
    await sql`analyze exchange.staging`;
    await linkStaged(deps, of);
  } finally {
    await clearStaging(sql, work);
  }
}

/** Judges all of our own records of a member beside what payers sent. No slice of a pull is committed meanwhile. */
export const judgeOwn = (deps: Needs, work: string, memberId: string): Promise<void> =>
  betweenSlices(deps.database, () => judgeOrigin(deps, work, memberId, 'own'));

export async function compareMoved(deps: Needs, pair: Pair): Promise<void> {
  const { sql } = deps.database;
  const base = addresses(deps.config).fhir;
  await sayOfEachOther(deps, pair);
  for (const memberId of [pair.memberId, pair.formerId]) {
    const origins = await sql<{ origin: string }[]>`
      select origin from exchange.resource where member_id = ${memberId} and not deleted group by origin order by origin <> 'own', origin`;
    // ours first: what payers name as ours is found from theirs
    for (const { origin } of origins) await judgeOrigin(deps, `people-${pair.id}`, memberId, origin, base);
  }
  await sql.begin(async (tx) => {
    const at = await transactionInstant(tx);
    await openSlice(tx, `people-${pair.id}`, EVERYTHING);
    const own = { id: `people-${pair.id}`, pull: null, peerId: 'own' };
    const members = [pair.memberId, pair.formerId];
    const shown = await outlivedOf(tx, members, at, base);
    await followOutlived(tx, 'select unnest($3::text::text[]) as member_id', shown, { pull: null, at, of: members });
    await recomputeChainsOf(tx, own, members, at.slice(0, 10), at);
    await compared(tx, pair.id);
  });
}

/** Goes on with those whose process died. */
export async function finishComparing(deps: Needs & Pick<Deps, 'log'>): Promise<void> {
  for (;;) {
    const now = deps.clock().getTime();
    const due = await claimCompare(deps.database.sql, new Date(now), new Date(now + COMPARE_MS));
    if (!due) return;
    await compareMoved(deps, due);
    deps.log('info', 'records of one person compared', { merge: due.id });
  }
}
