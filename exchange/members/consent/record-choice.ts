// What members and those who serve them do about the exchange: choose, name a payer, ask for a request now, and the contacts
// that the rule asks of us. Each is one transaction with its audit row and its clocks, which begins again when a pull
// that ends holds the same.

import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import { timeRange } from '../../../src/fhir/instant.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { calendarOf, localDay } from '../deadlines/business-day.ts';
import { hastenRequest, openRequestClocks, settleOfferClocks, settleWithdrawn } from '../deadlines/member-deadlines.ts';
import { addRequest, hasRequest } from '../deadlines/member-request.ts';
import { renewRequests } from '../deadlines/renewed-request.ts';
import { askable } from '../enrolment/enrolled.ts';
import { nameAgain } from '../enrolment/payer-link-event.ts';
import {
  addChoice,
  addContacts,
  type Choice,
  type ChoiceRow,
  type ContactKind,
  type ContactRow,
  keepText,
  memberChoices,
  namePayer,
  otherCoverages,
} from './choice-rows.ts';
import { educationText, type Language } from './education.ts';

const HOUR = 3_600_000;

type Needs = Pick<Deps, 'database' | 'clock' | 'config'>;

/** Who acts: a member by a link, or staff on the telephone. `subject` goes to the audit. */
export type Actor = { kind: 'staff' | 'system'; subject: string; requestId: string };

export const CHANNELS = ['phone', 'mail', 'portal', 'in-person', 'email'] as const;
export type Channel = (typeof CHANNELS)[number];
export const isChannel = (v: string): v is Channel => (CHANNELS as readonly string[]).includes(v);

export type ChoiceInput = {
  choice: Choice;
  policy: 'regular' | 'sensitive';
  payers: 'previous' | 'concurrent' | 'both';
  channel: Channel;
  language: Language;
  /** present when someone acts for the member: who, by what authority */
  representative?: { name: string; authority: string };
  /** where the proof is: number of a recording or of a scanned form */
  document?: string;
  /** how the person was verified */
  verification: string;
};

/** Reads the form of a choice. All faults are returned, as codes that the page has words for. */
export function readChoice(form: URLSearchParams, channel?: Channel): ChoiceInput | { faults: string[] } {
  const faults: string[] = [];
  const get = (name: string) => (form.get(name) ?? '').trim();
  const choice = get('choice');
  if (choice !== 'opt-in' && choice !== 'decline' && choice !== 'withdraw') faults.push('choice');
  const payers = get('payers') || 'both';
  if (payers !== 'previous' && payers !== 'concurrent' && payers !== 'both') faults.push('payers');
  const by = channel ?? get('channel');
  if (!isChannel(by)) faults.push('channel');
  const verification = get('verification');
  if (verification === '' || verification.length > 200) faults.push('verification');
  const name = get('representative');
  const authority = get('authority');
  if ((name === '') !== (authority === '')) faults.push('representative');
  if (name.length > 200 || authority.length > 200 || get('document').length > 200) faults.push('long');
  const language = get('language') === 'es' ? 'es' : 'en';
  if (faults.length > 0) return { faults };
  return {
    choice: choice as Choice,
    policy: get('policy') === 'sensitive' ? 'sensitive' : 'regular',
    payers: payers as ChoiceInput['payers'],
    channel: by as Channel,
    language,
    verification,
    ...(name === '' ? {} : { representative: { name, authority } }),
    ...(get('document') === '' ? {} : { document: get('document') }),
  };
}

/** Is it stated as the choice that holds was: by the same person in the same way, with the same text and proof? */
const isProvedAlike = (held: ChoiceRow, input: ChoiceInput, textSha256: string): boolean =>
  held.channel === input.channel &&
  held.representative === (input.representative?.name ?? null) &&
  held.authority === (input.representative?.authority ?? null) &&
  held.document === (input.document ?? null) &&
  held.verification === input.verification &&
  held.textSha256 === textSha256;

/**
 * Records a choice: it holds from now. A `decline` after an opt-in is a withdrawal. Running clocks of requests end with it, and
 * those that it makes necessary begin. One that says what holds already, with another proof, is kept beside it and changes nothing else.
 * Returns the id of the choice, undefined when it is stated as what holds was.
 */
export async function recordChoice(
  deps: Needs,
  memberId: string,
  input: ChoiceInput,
  actor: Actor,
): Promise<string | undefined> {
  const at = deps.clock();
  const text = educationText(input.language);
  return beginAgain(deps.database.sql, async (tx) => {
    // one choice of a member after the other
    await tx`select 1 from exchange.member where id = ${memberId} for update`;
    const [held] = await memberChoices(tx, memberId);
    const saysYes = input.choice === 'opt-in';
    const heldYes = held?.choice === 'opt-in';
    const isSame =
      held !== undefined &&
      saysYes === heldYes &&
      (!saysYes || (held.policy === input.policy && held.payers === input.payers));
    if (isSame && isProvedAlike(held, input, text.sha256)) return undefined;
    // a no to what had been allowed once stays a withdrawal, however often it is stated
    const no = heldYes ? 'withdraw' : (held?.choice ?? (input.choice === 'withdraw' ? 'withdraw' : 'decline'));
    const choice: Choice = saysYes ? 'opt-in' : no;
    await keepText(tx, text, at);
    const id = await addChoice(tx, {
      memberId,
      choice,
      policy: input.policy,
      payers: input.payers,
      recordedOn: localDay(at, deps.config.timeZone),
      givenAt: at,
      givenBy: input.representative ? 'representative' : 'member',
      representative: input.representative?.name ?? null,
      authority: input.representative?.authority ?? null,
      channel: input.channel,
      textSha256: text.sha256,
      document: input.document ?? null,
      verification: input.verification,
      recordedBy: actor.subject,
      source: actor.kind === 'staff' ? 'staff' : 'member page',
    });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: actor.kind,
        actor: actor.subject,
        action: 'choice',
        object: `consent/${id}`,
        memberId,
        consentId: id,
        requestId: actor.requestId,
        detail: { choice, policy: input.policy, payers: input.payers, channel: input.channel, text: text.sha256 },
      }),
    ]);
    await settleOfferClocks(tx, [memberId]);
    await settleWithdrawn(tx, at, [memberId]);
    await openRequestClocks(tx, calendarOf(deps.config), at, [memberId]);
    return id;
  });
}

export type PayerInput = { payer: string; memberNumber: string; starts: string | null; ends: string | null };

const isDay = (v: string) => /^\d{4}-\d\d-\d\d$/.test(v) && timeRange(v) !== undefined;

export function readPayer(form: URLSearchParams): PayerInput | { faults: string[] } {
  const get = (name: string) => (form.get(name) ?? '').trim();
  const faults: string[] = [];
  const [payer, memberNumber, starts, ends] = [get('payer'), get('member_number'), get('starts'), get('ends')];
  if (payer === '' || payer.length > 200) faults.push('payer');
  if (memberNumber.length > 64) faults.push('member_number');
  if ((starts !== '' && !isDay(starts)) || (ends !== '' && !isDay(ends))) faults.push('dates');
  else if (starts !== '' && ends !== '' && ends < starts) faults.push('dates');
  if (faults.length > 0) return { faults };
  return { payer, memberNumber, starts: starts === '' ? null : starts, ends: ends === '' ? null : ends };
}

/** Payers of one member; a link is no way to fill the database. */
const MOST_PAYERS = 50;

/**
 * Another payer that the member names; one that was taken back as named by mistake holds again. Returns the id of the
 * coverage, undefined when too many are named already.
 */
export async function recordPayer(
  deps: Needs,
  memberId: string,
  input: PayerInput,
  actor: Actor,
): Promise<string | undefined> {
  const at = deps.clock();
  return beginAgain(deps.database.sql, async (tx) => {
    await tx`select 1 from exchange.member where id = ${memberId} for update`;
    const named = await otherCoverages(tx, memberId);
    const isKnown = named.some((n) => n.payer === input.payer && n.memberNumber === input.memberNumber);
    if (!isKnown && named.length >= MOST_PAYERS) return undefined;
    const { id } = await namePayer(tx, { ...input, memberId, at, saidBy: actor.subject });
    await nameAgain(tx, { otherCoverageId: id, at, reason: 'named again', by: actor.subject });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: actor.kind,
        actor: actor.subject,
        action: 'payer-named',
        object: `other-coverage/${id}`,
        memberId,
        requestId: actor.requestId,
      }),
    ]);
    await settleOfferClocks(tx, [memberId]);
    await openRequestClocks(tx, calendarOf(deps.config), at, [memberId]);
    return id;
  });
}

/**
 * What became of the wish to have a payer asked: `no-address` when it is not registered, so that no one can ask it yet; `later` when the
 * coverage here begins so much later that no one is asked yet; `not-chosen` when the member's choice leaves out payers such as it;
 * `not-covered` when all coverage here has ended.
 */
export type Requested = 'asked' | 'no-address' | 'later' | 'not-chosen' | 'not-covered';

/**
 * The member wants a payer asked now; said twice within an hour it is one request. Undefined when the coverage is not the
 * member's, or the member has not opted in.
 */
export async function recordRequest(
  deps: Needs,
  memberId: string,
  otherCoverageId: string,
  actor: Actor,
): Promise<Requested | undefined> {
  const at = deps.clock();
  return beginAgain(deps.database.sql, async (tx) => {
    await tx`select 1 from exchange.member where id = ${memberId} for update`;
    const named = await otherCoverages(tx, memberId);
    const coverage = named.find((o) => o.id === otherCoverageId && o.inErrorAt === null);
    if (!coverage) return undefined;
    const may = await askable(tx, otherCoverageId, localDay(at, deps.config.timeZone));
    if (may === undefined) {
      const [held] = await memberChoices(tx, memberId);
      return held?.choice === 'opt-in' ? 'not-covered' : undefined;
    }
    if (!may.isNamed) return 'not-chosen';
    const answer = coverage.peerState !== 'active' ? 'no-address' : may.from === null ? 'asked' : 'later';
    if (await hasRequest(tx, memberId, otherCoverageId, new Date(at.getTime() - HOUR))) return answer;
    const id = await addRequest(tx, { memberId, otherCoverageId, at, saidBy: actor.subject });
    await renewRequests(tx, calendarOf(deps.config), at, [memberId]);
    await hastenRequest(tx, calendarOf(deps.config), { id, otherCoverageId, at, from: may.from });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: actor.kind,
        actor: actor.subject,
        action: 'request-asked',
        object: `other-coverage/${otherCoverageId}`,
        memberId,
        requestId: actor.requestId,
      }),
    ]);
    return answer;
  });
}

/** Offers, questions, education and reminders that reached members, or did not. Returns how many are new. */
export async function recordContacts(
  deps: Needs,
  rows: readonly (Pick<ContactRow, 'memberId' | 'kind' | 'at' | 'channel' | 'result'> & { language?: Language })[],
  actor: Actor,
): Promise<number> {
  const at = deps.clock();
  return beginAgain(deps.database.sql, async (tx) => {
    const texts = new Map<Language, string>();
    for (const language of new Set(rows.map((r) => r.language ?? 'en'))) {
      const text = educationText(language);
      await keepText(tx, text, at);
      texts.set(language, text.sha256);
    }
    const added = await addContacts(
      tx,
      rows.map((r) => ({
        memberId: r.memberId,
        kind: r.kind,
        at: r.at,
        channel: r.channel,
        result: r.result,
        textSha256: texts.get(r.language ?? 'en') ?? null,
        recordedBy: actor.subject,
        recordedAt: at,
      })),
    );
    const members = [...new Set(rows.map((r) => r.memberId))];
    await writeAudit(
      tx,
      members.map((memberId) =>
        auditRow({
          at,
          actorKind: actor.kind,
          actor: actor.subject,
          action: 'contact',
          object: `Patient/${memberId}`,
          memberId,
          requestId: actor.requestId,
          detail: { kinds: rows.filter((r) => r.memberId === memberId).map((r) => r.kind) },
        }),
      ),
    );
    await settleOfferClocks(tx, members);
    return added;
  });
}

export const CONTACT_KINDS: Readonly<Record<ContactKind, string>> = {
  offer: 'Offer to opt in',
  identify: 'Question about other payers',
  education: 'Yearly education',
  reminder: 'Reminder',
};
