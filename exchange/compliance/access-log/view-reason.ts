// Identifiers of members are hidden until who looks says what they need them for (45 CFR 164.502(b)). What was said holds for
// one member, or for one page of several, in one session, and stays with the audit.
import { hashOf } from '../../../src/auth/staff-session.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Json } from '../../../src/fhir/resource.ts';
import type { Known } from '../../../src/ui/hidden.ts';
import { idsOfPerson } from '../../members/merge/member-merge.ts';
import { identifyingIn } from '../../records/facts/identifying.ts';
import type { StaffSession } from '../../staff/data/sessions.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { PURPOSES } from '../audit/audit-actions.ts';
import { findMemberId } from '../disclosures/disclosure-rows.ts';
import { addReason, endReasons, numbersOf, personTexts, reasonsInForce, type StaffReason } from './view-reason-rows.ts';

export { countReasons, reasonsSaid } from './view-reason-rows.ts';
export type { StaffReason };

const MEMBER = 'member/';
/** What a reason is about is a member by this and the id, or a page. */
export const memberOf = (about: string): string | undefined =>
  about.startsWith(MEMBER) ? about.slice(MEMBER.length) : undefined;

type Needs = Pick<Deps, 'database' | 'clock'>;

/** A session and the id of its cookie. */
export type Looker = { session: StaffSession; cookie: string; requestId: string };

/** Of these someone has to say which one. */
export const NAMED_PURPOSES: readonly string[] = ['incident', 'legal'];
const LEAST_WORDS = 2;
export const MOST_WORDS = 200;
/** Members whose records are read for what identifies them; a page of more shows keys, names and what it marks itself. */
const MOST_READ = 20;
const MOST_RECORDS = 500;

/** A member, or a page of several that asks: what else is named opens nothing, so that nothing of a member is opened but by its id. */
const ABOUT = /^(?:(?:member|pull|item|peer|match|report)\/[A-Za-z0-9\-.]{1,64}|items)$/;

/** What a look is about: up to two members, each by itself; else the page of the object that is looked at. */
export function aboutOf(object: string, memberIds: readonly string[]): { members: string[]; page: string } {
  const members = [...new Set(memberIds)];
  return {
    members: members.length <= 2 ? members.map((m) => `${MEMBER}${m}`) : [],
    page: object.split('/').slice(0, 2).join('/'),
  };
}

/** What a reason for a member may be about: the person under any id of today. Two who are two again have each their own. */
const aboutPerson = async (deps: Needs, about: string): Promise<string[]> => {
  const memberId = memberOf(about);
  const ids = memberId === undefined ? [] : await idsOfPerson(deps.database.sql, memberId);
  return [...new Set([about, ...ids.map((id) => `${MEMBER}${id}`)])];
};

/**
 * The reasons by which a look sees identifiers whole, each about what is looked at; undefined where there is none for
 * one of its members.
 */
export async function reasonsFor(
  deps: Needs,
  looker: Pick<Looker, 'cookie'>,
  about: ReturnType<typeof aboutOf>,
): Promise<StaffReason[] | undefined> {
  const persons = await Promise.all(about.members.map((m) => aboutPerson(deps, m)));
  const asked = [...persons.flat(), about.page];
  const found = await reasonsInForce(deps.database.sql, hashOf(looker.cookie), asked);
  const ofPage = found.find((r) => r.about === about.page);
  if (ofPage) return [ofPage];
  const each = about.members.flatMap((m, i) => {
    const said = found.find((r) => persons[i]?.includes(r.about));
    return said === undefined ? [] : [{ ...said, about: m }];
  });
  return about.members.length > 0 && each.length === about.members.length ? each : undefined;
}

export type Said = { about: readonly string[]; purpose: string; words: string };
export type ReasonFault = 'purpose' | 'words' | 'about';

/**
 * Keeps what someone said, each member with an audit row of its own. It holds for the person under each id.
 * @param by `number`: it was not said, but the number of the member's card was typed, which the member has reported
 */
export async function giveReason(
  deps: Needs,
  looker: Looker,
  said: Said,
  by: 'form' | 'number' = 'form',
): Promise<ReasonFault | undefined> {
  const words = said.words.trim();
  if (!Object.hasOwn(PURPOSES, said.purpose)) return 'purpose';
  if (words.length > MOST_WORDS || (NAMED_PURPOSES.includes(said.purpose) && words.length < LEAST_WORDS))
    return 'words';
  if (said.about.length === 0 || said.about.length > 2 || !said.about.every((a) => ABOUT.test(a))) return 'about';
  const { sql } = deps.database;
  const at = deps.clock();
  const sessionHash = hashOf(looker.cookie);
  const abouts = [...new Set(said.about)];
  for (const memberId of abouts.flatMap((about) => memberOf(about) ?? []))
    if ((await findMemberId(sql, memberId)) !== memberId) return 'about';
  await sql.begin(async (tx) => {
    for (const about of abouts) {
      const one = {
        sessionHash,
        subject: looker.session.subject,
        about,
        purpose: said.purpose,
        words,
        at,
        byNumber: by === 'number',
      };
      const id = await addReason(tx, one);
      await writeAudit(tx, [
        trail('reason-given', looker, about, memberOf(about), at, {
          purpose: said.purpose,
          reason: id,
          ...(by === 'number' ? { by } : {}),
        }),
      ]);
    }
  });
  return undefined;
}

/** Has everything of these hidden again. */
export async function endReason(deps: Needs, looker: Looker, about: readonly string[]): Promise<void> {
  const { sql } = deps.database;
  const at = deps.clock();
  const all = (await Promise.all(about.map((one) => aboutPerson(deps, one)))).flat();
  await sql.begin(async (tx) => {
    const ended = await endReasons(tx, hashOf(looker.cookie), all, at);
    await writeAudit(
      tx,
      ended.map((e) => trail('reason-ended', looker, e, memberOf(e), at, {})),
    );
  });
}

const trail = (
  action: string,
  { session, requestId }: Looker,
  about: string,
  memberId: string | undefined,
  at: Date,
  detail: Record<string, string>,
) =>
  auditRow({
    at,
    actorKind: 'staff',
    actor: session.subject,
    action,
    object: memberId === undefined ? about : `Patient/${memberId}`,
    memberId,
    requestId,
    detail: { ...detail, ...(session.development ? { dev: true } : {}) },
  });

/** What identifies some members wherever it stands: their numbers, and what their records tell. */
export async function knownOf(deps: Pick<Deps, 'database'>, memberIds: readonly string[]): Promise<Known[]> {
  const ids = [...new Set(memberIds)].slice(0, MOST_READ);
  if (ids.length === 0) return [];
  const { sql } = deps.database;
  const [numbers, bodies] = await Promise.all([numbersOf(sql, ids), personTexts(sql, ids, MOST_RECORDS)]);
  return [
    ...numbers.map((value): Known => ({ kind: 'number', value })),
    ...bodies.flatMap((body) => identifyingIn(JSON.parse(body) as Json)),
  ];
}
