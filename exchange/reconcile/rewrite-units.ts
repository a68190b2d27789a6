// References were led where they would most likely lead when a unit was read. Here are led right those that came out otherwise,
// page by page, a few pages ahead of the writer.

import { lendOne, type Sql } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { stamp } from '../../src/fhir/json-text.ts';
import { LED_TO, resolveTargets, type ToRewrite, unitsToRewrite } from '../records/references.ts';
import { type RewrittenUnit, stageRewritten } from '../records/rewritten.ts';
import { EVERYTHING } from '../records/slice.ts';
import { STAGED_VERSION } from '../records/staging.ts';
import type { Work } from '../records/write-links.ts';
import { referredId } from './local-id.ts';
import type { UnitContext } from './read-unit.ts';
import { correctReferences, ledFrom, type Target } from './rewrite.ts';

type Needs = Pick<Deps, 'database'>;
type Buckets = { first: number; last: number };
const PAGE = 1000;
/** Pages whose references are looked up while one is written. */
const AHEAD = 3;
/** Directory records that are remembered: many records of many members refer to the same few. */
const REMEMBERED = 50_000;

type Found = Target & { memberId: string | null };
type Resolved = { units: ToRewrite[]; targets: ReadonlyMap<string, Found> };

/** Pages of units that may need another text, each with what their references lead to. */
async function* resolvedPages(deps: Needs, work: Work, reader: Sql, range: Buckets): AsyncGenerator<Resolved> {
  const { sql } = deps.database;
  const remembered = new Map<string, Found>();
  const resolve = async (units: ToRewrite[]): Promise<Resolved> => {
    const keys = new Set<string>();
    const known = new Map<string, Found>();
    for (const unit of units)
      for (const key of [...(unit.refs ?? []).map(keyOf), ...(unit.targets ?? [])]) {
        const target = remembered.get(key);
        if (target !== undefined) known.set(key, target);
        else keys.add(key);
      }
    const found = await resolveTargets(sql, work.id, work.peerId, [...keys]);
    for (const [key, target] of found) {
      known.set(key, target);
      if (target.isShared && remembered.size < REMEMBERED) remembered.set(key, target);
    }
    return { units, targets: known };
  };
  const ahead: Promise<Resolved>[] = [];
  for await (const units of unitsToRewrite(reader, work, range, PAGE)) {
    const next = resolve(units);
    next.catch(() => {}); // judged when it is awaited
    ahead.push(next);
    const first = ahead.length > AHEAD ? ahead.shift() : undefined;
    if (first) yield await first;
  }
  for (const next of ahead) yield await next;
}

const keyOf = (ref: string): string => ref.split(LED_TO)[0] ?? ref;

/** The texts that differ from what was staged. */
async function* rewritten(
  deps: Needs,
  work: Work,
  context: UnitContext,
  reader: Sql,
  range: Buckets,
): AsyncGenerator<RewrittenUnit> {
  const memberOf = (key: string) => context.members.get(key.slice('Patient/'.length))?.memberId;
  const made = (key: string) => referredId(context.peerId, key);
  for await (const { units, targets } of resolvedPages(deps, work, reader, range))
    for (const unit of units) {
      const led = ledFrom(unit.refs ?? [], made);
      const out = correctReferences(unit.body, context, led, (key) => {
        const target = targets.get(key);
        // another member's record is no more theirs than one that did not come
        const isAnothers = target?.memberId != null && unit.memberId !== null && target.memberId !== unit.memberId;
        return isAnothers ? undefined : target;
      });
      if (out.json === unit.body && unit.targets === null && unit.localId === null) continue;
      yield {
        file: unit.file,
        line: unit.line,
        entry: unit.entry,
        final: unit.localId === null ? out.json : stamp(out.json, { id: unit.localId, ...STAGED_VERSION }),
        links: out.links,
        refers: out.refers,
        unresolved: out.unresolved,
        targets: aboutOf(unit.targets, targets, memberOf),
      };
    }
}

/** What a Provenance is about, in our keys. */
function aboutOf(
  keys: string[] | null,
  known: ReadonlyMap<string, { localId: string }>,
  memberOf: (key: string) => string | undefined,
): string[] | undefined {
  return keys?.flatMap((key) => {
    const type = key.slice(0, key.indexOf('/'));
    const id = known.get(key)?.localId ?? (type === 'Patient' ? memberOf(key) : undefined);
    return id === undefined ? [] : [`${type}/${id}`];
  });
}

/**
 * Leads the references of the units of some buckets of a work that will be written to where they lead.
 * @param reader a client of its own, for the cursor
 */
export async function rewriteUnits(
  deps: Needs,
  reader: Sql,
  work: Work,
  context: UnitContext,
  range: Buckets = EVERYTHING,
): Promise<void> {
  const units = rewritten(deps, work, context, reader, range);
  const first = await units.next();
  // mostly none: then nobody is asked to take them
  if (first.done !== true) await write(deps, work, first.value, units);
}

async function write(
  deps: Needs,
  work: Work,
  first: RewrittenUnit,
  others: AsyncGenerator<RewrittenUnit>,
): Promise<void> {
  const all = async function* () {
    yield first;
    yield* others;
  };
  await lendOne(deps.database, (writer) => stageRewritten(writer, work.id, all()));
}
