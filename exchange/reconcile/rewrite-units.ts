// Rewriting the references of what a work will write, page by page, a few pages ahead of the writer.
import type { Deps } from '../../src/deps.ts';
import { referencesIn } from '../../src/fhir/json-text.ts';
import type { Sql } from '../../src/store/database.ts';
import { resolveTargets, type ToRewrite, unitsToWrite } from '../store/reconcile.ts';
import { clearRewritten, type RewrittenUnit, stageRewritten } from '../store/staging.ts';
import type { Work } from '../store/write-links.ts';
import type { UnitContext } from './read-unit.ts';
import { peerKey, rewriteReferences, type Target } from './rewrite.ts';

type Needs = Pick<Deps, 'database'>;
const PAGE = 1000;
/** Pages whose references are looked up while one is written. */
const AHEAD = 3;
/** Directory records that are remembered: many records of many members refer to the same few. */
const REMEMBERED = 50_000;

type Resolved = { units: ToRewrite[]; targets: ReadonlyMap<string, Target> };

/** Pages of units that will be written, each with what their references lead to. */
async function* resolvedPages(deps: Needs, work: Work, context: UnitContext, reader: Sql): AsyncGenerator<Resolved> {
  const { sql } = deps.database;
  const remembered = new Map<string, Target>();
  const resolve = async (units: ToRewrite[]): Promise<Resolved> => {
    const keys = new Set<string>();
    const known = new Map<string, Target>();
    for (const unit of units)
      for (const reference of referencesIn(unit.body)) {
        const key = peerKey(reference, context.peerBase);
        const target = key === undefined ? undefined : remembered.get(key);
        if (key !== undefined && target !== undefined) known.set(key, target);
        else if (key !== undefined) keys.add(key);
      }
    const found = await resolveTargets(sql, work.id, work.peerId, [...keys]);
    for (const [key, target] of found) {
      known.set(key, target);
      if (target.isShared && remembered.size < REMEMBERED) remembered.set(key, target);
    }
    return { units, targets: known };
  };
  const ahead: Promise<Resolved>[] = [];
  for await (const units of unitsToWrite(reader, work.id, PAGE)) {
    const next = resolve(units);
    next.catch(() => {}); // judged when it is awaited
    ahead.push(next);
    const first = ahead.length > AHEAD ? ahead.shift() : undefined;
    if (first) yield await first;
  }
  for (const next of ahead) yield await next;
}

/** Rewritten texts of the units that will be written. */
async function* rewritten(deps: Needs, work: Work, context: UnitContext, reader: Sql): AsyncGenerator<RewrittenUnit> {
  const memberOf = (key: string) => context.members.get(key.slice('Patient/'.length))?.memberId;
  for await (const { units, targets } of resolvedPages(deps, work, context, reader))
    for (const unit of units) {
      const out = rewriteReferences(unit.body, context.peerBase, memberOf, (key) => targets.get(key));
      yield {
        file: unit.file,
        line: unit.line,
        entry: unit.entry,
        final: out.json,
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

/** Rewrites the references of every unit of a work that will be written. May be repeated. */
export async function rewriteUnits(deps: Needs, work: Work, context: UnitContext): Promise<void> {
  await clearRewritten(deps.database.sql, work.id);
  const writer = deps.database.dedicated('copy');
  const reader = deps.database.dedicated('copy');
  try {
    await stageRewritten(writer, work.id, rewritten(deps, work, context, reader));
  } finally {
    await Promise.all([writer.end({ timeout: 1 }), reader.end({ timeout: 1 })]);
  }
}
