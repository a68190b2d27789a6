// Keys that other rules made are made anew: a spelling that is one with another today would else not be found among what was stored
// before. So are substances, and what chains know of claims. A serving process goes through everything once for each number of the rules; until it is through, a pull does it for its own members.
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { isHeld } from '../../src/db/failure.ts';
import type { Deps } from '../../src/deps.ts';
import { contentHashes, hasStandIns, MEMBER_CONTENT } from '../../src/fhir/canonical.ts';
import { exactNumerals, longNumerals } from '../../src/fhir/numerals.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { yearsBefore } from '../members/deadlines/business-day.ts';
import { drugsOf } from '../records/drug.ts';
import { withDrug } from '../records/facts/drug.ts';
import {
  beginKeys,
  type ClaimKnown,
  FIRST_OF_MEMBERS,
  FIRST_SHARED,
  holdsKeying,
  isOlderThanKeys,
  type KeysMade,
  keysMade,
  type MemberRecord,
  memberRecordsAfter,
  noteKeys,
  type Place,
  sharedRecordsAfter,
  stagedTextsAfter,
  writeClaimsKnown,
  writeMemberKeys,
  writeSharedKeys,
  writeStagedKeys,
} from '../records/keys-made.ts';
import { transactionInstant } from '../records/records.ts';
import { membersOfWork } from '../records/replay.ts';
import { EVERYTHING, openSlice } from '../records/slice.ts';
import { betweenSlices } from '../requester/commit-batch.ts';
import { businessKeys } from './business-keys.ts';
import { type ClaimFacts, claimFacts } from './chain/facts.ts';
import { recomputeChainsOf } from './chain/recompute.ts';
import { KEY_RULES, recordKeys } from './record-keys.ts';
import { RULE_YEARS } from './unit-context.ts';

type Needs = Pick<Deps, 'database'>;
/** The place after a page, undefined when there was none; and how many keys or records were written. */
type Page = { last: Place | undefined; written: number };

const AGAIN_MS = 250;

/** Until nobody else is writing the same records. They are read anew: they may have others then. When it ends, what is there to do is not done. */
async function unheld(page: () => Promise<Page>, after: Place, ending?: AbortSignal): Promise<Page> {
  for (;;) {
    try {
      return await page();
    } catch (error) {
      if (!isHeld(error)) throw error;
      if (ending?.aborted) return { last: after, written: 0 };
      await pause(AGAIN_MS);
    }
  }
}

const parsed = (body: string) => JSON.parse(body) as Resource;

/** Of these, money that came with them was part of their substance by rules before 14. */
const MAY_TELL_MONEY = /"resourceType"\s*:\s*"(?:ExplanationOfBenefit|Coverage)"/;

/** The substance of a text, where it holds something of which rules before made something else: what stands for a reference, the place of bytes, or where money was taken out. */
function substanceAnew(told: string): string | undefined {
  const mayTellMoney = MAY_TELL_MONEY.test(told);
  if (!mayTellMoney && !/"identifier"\s*:\s*\{/.test(told) && !(told.includes('"hash"') && told.includes('"url"')))
    return undefined;
  const resource = parsed(told);
  return mayTellMoney || hasStandIns(resource, MEMBER_CONTENT)
    ? contentHashes(resource, MEMBER_CONTENT, exactNumerals(longNumerals(told))).substance
    : undefined;
}

/** Denied lines are taken out of an authorization when it is stored: what was known of it is more than its text tells today, and stays. */
const tellsLess = ({ type, claim, body }: MemberRecord): boolean =>
  type === 'ExplanationOfBenefit' &&
  claim !== null &&
  (claimFacts(parsed(body))?.reviews?.length ?? 0) < ((JSON.parse(claim) as ClaimFacts).reviews?.length ?? 0);

/**
 * What chains know of a claim today, where that is something else than what they knew. Its insurer, where that is named by an id, is known by the
 * id that its payer gave it, which the text here has no more.
 */
function claimAnew({ claim, body, ...record }: MemberRecord): ClaimKnown[] {
  if (record.type !== 'ExplanationOfBenefit') return [];
  const had = claim === null ? undefined : (JSON.parse(claim) as ClaimFacts);
  const { insurer, insurerId, insurerName, ...read } = claimFacts(parsed(body)) ?? {};
  const named =
    had?.insurer === undefined
      ? { insurer, insurerId, insurerName }
      : { insurer: had.insurer, insurerId: had.insurerId };
  const now: unknown = JSON.parse(JSON.stringify({ ...read, ...named }));
  return isDeepStrictEqual(had, now) ? [] : [{ ...record, claim: JSON.stringify(now) }];
}

/** Writes what chains know of claims, and makes the chains of their members anew, while no slice of a pull is committed. */
const claimsAnew = (deps: Needs, changed: readonly ClaimKnown[]): Promise<void> =>
  betweenSlices(deps.database, () =>
    deps.database.sql.begin(async (tx) => {
      await writeClaimsKnown(tx, changed);
      const at = await transactionInstant(tx);
      const work = { id: 'keys-anew', pull: null, peerId: 'own' };
      await openSlice(tx, work.id, EVERYTHING);
      const members = [...new Set(changed.map((c) => c.memberId))];
      await recomputeChainsOf(tx, work, members, yearsBefore(at.slice(0, 10), RULE_YEARS), at);
    }),
  );

const memberPage = (
  deps: Needs,
  after: Place,
  of: { member?: string; ending?: AbortSignal | undefined },
): Promise<Page> =>
  unheld(
    async () => {
      const records = await memberRecordsAfter(deps.database.sql, after, of.member);
      const last = records.at(-1);
      if (!last) return { last: undefined, written: 0 };
      const drugs = await drugsOf(deps.database.sql, records);
      const whole = records.filter((r) => !tellsLess(r));
      const keyed = whole.map(({ body, shared, ...r }) => ({
        ...r,
        keys: recordKeys(withDrug(parsed(body), drugs)),
        substance: substanceAnew(shared ?? body),
      }));
      const claims = whole.flatMap(claimAnew);
      if (claims.length > 0) await claimsAnew(deps, claims);
      return {
        last: [last.memberId, last.type, last.id],
        written: claims.length + (await writeMemberKeys(deps.database.sql, keyed)),
      };
    },
    after,
    of.ending,
  );

const sharedPage = (deps: Needs, after: Place, ending?: AbortSignal): Promise<Page> =>
  unheld(
    async () => {
      const records = await sharedRecordsAfter(deps.database.sql, after);
      const last = records.at(-1);
      if (!last) return { last: undefined, written: 0 };
      const keyed = records.map(({ body, ...r }) => ({ ...r, keys: businessKeys(parsed(body)) }));
      return { last: [last.type, last.id], written: await writeSharedKeys(deps.database.sql, keyed) };
    },
    after,
    ending,
  );

const isOfMembers = (place: Place): boolean => place.length === FIRST_OF_MEMBERS.length;
/** How far the rules of today are; undefined when others were the last to begin. */
const ofToday = (made: KeysMade | undefined): KeysMade | undefined => (made?.rules === KEY_RULES ? made : undefined);

/**
 * Makes everything anew that other rules have keyed, page after page, each noted. It may be stopped at any time and goes on where it was; one
 * process at a time. What is keyed alike is read and not written.
 * @returns whether nothing is left to do: false when it was stopped, or another process has it in hand, which may end before it is through
 */
export async function keyAfterUpdate(deps: Pick<Deps, 'database' | 'log'>, ending?: AbortSignal): Promise<boolean> {
  const { sql } = deps.database;
  const isDone = async () => ofToday(await keysMade(sql))?.doneAt != null;
  if (await isDone()) return true;
  const lock = deps.database.dedicated('work');
  try {
    if (!(await holdsKeying(lock))) return false;
    if (await isDone()) return true; // another one was quicker
    let { after } = await beginKeys(sql, KEY_RULES);
    let changed = 0;
    for (;;) {
      if (ending?.aborted) return false;
      const { last, written } = isOfMembers(after)
        ? await memberPage(deps, after, { ending })
        : await sharedPage(deps, after, ending);
      changed += written;
      if (last === undefined && isOfMembers(after)) break;
      after = last ?? FIRST_OF_MEMBERS;
      await noteKeys(sql, KEY_RULES, after, false);
    }
    await noteKeys(sql, KEY_RULES, after, true);
    if (changed > 0) deps.log('info', 'records keyed anew', { changed, rules: KEY_RULES });
    return true;
  } finally {
    await lock.end({ timeout: 1 });
  }
}

/** Directory records, unless that is done: before a pull looks for its own among them. */
export async function keySharedAnew(deps: Needs): Promise<void> {
  const made = ofToday(await keysMade(deps.database.sql));
  if (made && (made.doneAt !== null || isOfMembers(made.after))) return;
  for (let after: Place | undefined = made?.after ?? FIRST_SHARED; after; )
    after = (await sharedPage(deps, after)).last;
}

/** What a work has staged. */
async function keyStagedAnew(deps: Needs, work: string, isOwn: boolean): Promise<void> {
  const { sql } = deps.database;
  for (let after: [number, number, number] = [-1, -1, -1]; ; ) {
    const texts = await stagedTextsAfter(sql, work, after);
    const last = texts.at(-1);
    if (!last) return;
    await writeStagedKeys(
      sql,
      work,
      texts.map(({ body, ...t }) => ({
        ...t,
        keys: t.isShared ? businessKeys(parsed(body)) : recordKeys(parsed(body)),
        substance: t.isShared || isOwn ? undefined : substanceAnew(body),
      })),
    );
    after = [last.file, last.line, last.entry];
  }
}

/**
 * Before pairs of a work are looked for: the keys of its members' records, unless that is done, and of what it has staged, where an older program
 * may have staged it.
 * @param isLeft another process has staged it. Of pulls it is known when they began
 * @returns records that were keyed otherwise
 */
export async function keyWorkAnew(deps: Needs, work: string, isLeft = false): Promise<number> {
  const { sql } = deps.database;
  if (isLeft || (await isOlderThanKeys(sql, work, KEY_RULES))) await keyStagedAnew(deps, work, isLeft);
  const made = ofToday(await keysMade(sql));
  if (made && made.doneAt !== null) return 0;
  let changed = 0;
  for (const memberId of await membersOfWork(sql, work))
    for (let after: Place | undefined = [memberId, '', '']; after; ) {
      const page: Page = await memberPage(deps, after, { member: memberId });
      changed += page.written;
      after = page.last;
    }
  return changed;
}
