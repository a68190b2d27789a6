// Two members are one person, because a reviewer says so; and two again (docs/decisions/022). What is said is one
// transaction; then the records that came together are compared with each other, which any process goes on with when
// this one dies.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../../src/db/database.ts';
import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import { contentHash, MEMBER_CONTENT } from '../../../src/fhir/canonical.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { stamp } from '../../../src/fhir/json-text.ts';
import { exactNumerals, longNumerals } from '../../../src/fhir/numerals.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { findMemberId } from '../../compliance/disclosures/disclosure-rows.ts';
import { addresses } from '../../plan.ts';
import { changedDoubts, doubtsOf, moveDoubted, takeDoubts } from '../../records/doubt.ts';
import { transactionInstant } from '../../records/records.ts';
import { STAGED_VERSION } from '../../records/staging.ts';
import { moveUnclear } from '../../records/unclear-items.ts';
import { decideTogether } from '../../responder/match/duplicate-member-items.ts';
import { endGroupsOf } from '../../responder/match/match-group.ts';
import { refreshProfiles } from '../../responder/match/match-profile.ts';
import { memberChoices } from '../consent/choice-rows.ts';
import type { Actor } from '../consent/record-choice.ts';
import { calendarOf } from '../deadlines/business-day.ts';
import { openRequestClocks, settleOfferClocks, settleWithdrawn, takeAgain } from '../deadlines/member-deadlines.ts';
import { lookAgain } from '../enrolment/coverage-check.ts';
import { askedOfTwo } from './ambiguous-records.ts';
import { compareMoved } from './compare-moved.ts';
import {
  addMerge,
  endMerge,
  holdImports,
  holdPulls,
  type Merge,
  mergeOfFormer,
  mergesOf,
  NOBODY_SAID,
} from './member-merge.ts';
import { alsoOfFormer, ownChoice, saidByNobody, saidSince, stricterOf } from './merge-choices.ts';
import {
  giveBack,
  type HeldRecord,
  type Move,
  type MovedRecord,
  moveBeside,
  moveCoverages,
  movedRecords,
  moveEnrolments,
  moveRecords,
  moveWaiting,
  noteReleased,
  recordsAfter,
  sayAgain,
} from './merge-parts.ts';
import { type Doubt, onePersonReport } from './merge-report.ts';
import { keepDecisions } from './move-decisions.ts';
import { answer, askAgain } from './resolve-ambiguous-records.ts';
import { ledTo } from './surviving-member.ts';

type Needs = Pick<Deps, 'database' | 'clock' | 'config' | 'blobs'>;
/**
 * `member`: there is no such one. `same`: it is one member. `former`: it goes on as another one, or another one as it.
 * `busy`: records of it are being taken in, from `payers` or from our own sources.
 */
export type OneRefusal =
  | { refused: 'member' | 'same' | 'former' | 'no-reason' | 'not-one' }
  | { refused: 'busy'; payers: string[] }
  | { refused: 'doubts'; doubts: Doubt[] };

type Who = Actor | { kind: 'command'; subject: string; requestId: string };

const PAGE = 500;
/** How long who said so has to compare the records, before another process does. */
const COMPARE_MS = 600_000;
const MOST_REASON = 1000;

const movedText = (r: HeldRecord, { from, to }: Move, base: string): MovedRecord => {
  const formers = new Map([[from, to]]);
  const said = (json: string) => stamp(ledTo(json, formers, base), STAGED_VERSION);
  const body = said(r.body);
  return {
    type: r.type,
    id: r.id,
    body,
    shared: r.shared === null ? null : said(r.shared),
    // of what payers sent, the hash is that of what they sent
    hash:
      r.origin === 'own'
        ? contentHash(JSON.parse(body) as Resource, MEMBER_CONTENT, exactNumerals(longNumerals(body)))
        : null,
  };
};

/** Duties as they are with what has moved. */
async function settle(tx: Queryable, deps: Needs, memberIds: readonly string[]): Promise<void> {
  const [now, calendar] = [deps.clock(), calendarOf(deps.config)];
  await refreshProfiles(tx, memberIds, now);
  await takeAgain(tx, calendar, now, memberIds);
  await settleOfferClocks(tx, memberIds);
  await settleWithdrawn(tx, now, memberIds);
  await openRequestClocks(tx, calendar, now, memberIds);
  await lookAgain(tx, memberIds);
}

const trail = (deps: Needs, who: Who, action: string, m: Pick<Merge, 'id' | 'memberId' | 'formerId'>, detail: object) =>
  [m.memberId, m.formerId].map((memberId) =>
    auditRow({
      at: deps.clock(),
      actorKind: who.kind,
      actor: who.subject,
      action,
      object: `members/${m.id}`,
      memberId,
      requestId: who.requestId,
      detail: { ...detail },
    }),
  );

/**
 * Makes two members one: `formerId` goes on as `memberId`.
 * @param seen codes of what speaks against it, as the person saw them ({@link onePersonReport}): what was not seen is reported instead
 * @returns the id of what was said, or why it was not
 */
export async function makeOne(
  deps: Needs,
  m: { memberId: string; formerId: string; reason: string; seen: readonly string[] },
  who: Who,
): Promise<{ id: string } | OneRefusal> {
  const { sql } = deps.database;
  const reason = m.reason.trim().slice(0, MOST_REASON);
  if (reason.length < 3) return { refused: 'no-reason' };
  if (m.memberId === m.formerId) return { refused: 'same' };
  const move: Move = { id: randomUUID(), from: m.formerId, to: m.memberId };
  const done = await beginAgain(sql, async (tx): Promise<OneRefusal | undefined> => {
    await tx`select from exchange.member where id in (${m.memberId}, ${m.formerId}) order by id for update`;
    for (const id of [m.memberId, m.formerId]) {
      if ((await findMemberId(tx, id)) !== id) return { refused: 'member' };
      const inForce = (await mergesOf(tx, id)).filter((g) => g.undoneAt === null);
      // another person may come to stand for one that stands for others: the other way round
      if (inForce.some((g) => g.formerId === id || id === m.formerId)) return { refused: 'former' };
    }
    if (!(await holdImports(tx))) return { refused: 'busy', payers: [] };
    const payers = await holdPulls(tx, [m.memberId, m.formerId]);
    if (payers.length > 0) return { refused: 'busy', payers };
    const { doubts } = await onePersonReport({ ...deps, database: { sql: tx } }, m.memberId, m.formerId);
    if (doubts.some((d) => !m.seen.includes(d.code))) return { refused: 'doubts', doubts };
    const at = deps.clock();
    const instant = formatInstant(new Date(await transactionInstant(tx)));
    const doubted = await doubtsOf(tx, [m.memberId, m.formerId]);
    const asked = await askedOfTwo(tx, m.memberId, m.formerId);
    await addMerge(tx, {
      ...m,
      id: move.id,
      at,
      byKind: who.kind,
      bySubject: who.subject,
      reason,
      opposed: doubts.map((d) => d.code),
      compareAt: new Date(at.getTime() + COMPARE_MS),
    });
    const stricter = stricterOf((await memberChoices(tx, m.memberId))[0], (await memberChoices(tx, m.formerId))[0]);
    await moveEnrolments(tx, move);
    await moveCoverages(tx, move, at);
    await sayAgain(tx, move);
    if (stricter)
      await saidByNobody(tx, deps, m.memberId, stricter, who, `${NOBODY_SAID}merged: what both choices allow`);
    for (let after: [string, string] | undefined = ['', '']; after; ) {
      const page: HeldRecord[] = await recordsAfter(tx, m.formerId, after, PAGE);
      const last = page.at(-1);
      await moveRecords(
        tx,
        move,
        page.map((r) => movedText(r, move, addresses(deps.config).fhir)),
        instant,
        false,
      );
      after = last && [last.type, last.id];
    }
    await moveBeside(tx, move);
    await moveUnclear(tx, move.from, move.to);
    await moveWaiting(tx, move);
    await takeDoubts(tx, move);
    await keepDecisions(tx, move, 'Of the member before: ');
    await moveDoubted(tx, changedDoubts(doubted, await doubtsOf(tx, [m.memberId, m.formerId])), instant);
    await decideTogether(tx, m.memberId, m.formerId, { by: who.subject, at, reason });
    await answer(tx, deps, { id: move.id, at, reason }, asked, who);
    await settle(tx, deps, [m.memberId, m.formerId]);
    await writeAudit(
      tx,
      trail(deps, who, 'members-one', { ...m, id: move.id }, { opposed: doubts.map((d) => d.code) }),
    );
    return undefined;
  });
  if (done) return done;
  await compareMoved(deps, { id: move.id, ...m });
  return { id: move.id };
}

/** Takes it back: what moved and is still there is given back. What came or was said since stays with the member that stayed. */
export async function makeTwo(
  deps: Needs,
  m: { formerId: string; reason: string },
  who: Who,
): Promise<{ id: string } | OneRefusal> {
  const { sql } = deps.database;
  const reason = m.reason.trim().slice(0, MOST_REASON);
  if (reason.length < 3) return { refused: 'no-reason' };
  const done = await beginAgain(sql, async (tx): Promise<OneRefusal | Merge> => {
    const merge = await mergeOfFormer(tx, m.formerId);
    if (!merge) return { refused: 'not-one' };
    const { memberId, formerId } = merge;
    await tx`select from exchange.member where id in (${memberId}, ${formerId}) order by id for update`;
    if (!(await holdImports(tx))) return { refused: 'busy', payers: [] };
    const payers = await holdPulls(tx, [memberId, formerId]);
    if (payers.length > 0) return { refused: 'busy', payers };
    const at = deps.clock();
    const instant = formatInstant(new Date(await transactionInstant(tx)));
    const move: Move = { id: merge.id, from: memberId, to: formerId };
    const doubted = await doubtsOf(tx, [memberId, formerId]);
    await endMerge(tx, { id: merge.id, at, by: who.subject, reason, compareAt: new Date(at.getTime() + COMPARE_MS) });
    await noteReleased(tx, move);
    await giveBack(tx, move);
    for (;;) {
      const page = await movedRecords(tx, move, PAGE);
      if (page.length === 0) break;
      await moveRecords(
        tx,
        move,
        page.map((r) => movedText(r, move, addresses(deps.config).fhir)),
        instant,
        true,
      );
    }
    await moveBeside(tx, move);
    await moveUnclear(tx, move.from, move.to);
    await takeDoubts(tx, move);
    await keepDecisions(tx, move, 'While the two were one: ');
    await moveDoubted(tx, changedDoubts(doubted, await doubtsOf(tx, [memberId, formerId])), instant);
    const since = await saidSince(tx, merge);
    await ownChoice(tx, deps, merge, who);
    if (since) await alsoOfFormer(tx, deps, merge, since, who);
    await decideTogether(tx, memberId, formerId, { by: who.subject, at, reason, isUndo: true });
    await endGroupsOf(tx, merge);
    await askAgain(tx, deps, merge, { at, reason }, who);
    await settle(tx, deps, [memberId, formerId]);
    await writeAudit(tx, trail(deps, who, 'members-two', merge, {}));
    return merge;
  });
  if ('refused' in done) return done;
  await compareMoved(deps, done);
  return { id: done.id };
}
