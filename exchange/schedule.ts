// What the schedule does wherever it runs: open the clocks of new duties, tell of overdue ones, forget what is spent. On Node
// it also wakes the worker (command/serve.ts); on Workers this is all.

import type { Sql } from '../src/db/database.ts';
import type { Deps } from '../src/deps.ts';
import { keepAlerts } from './alerts/update-alerts.ts';
import { tellLooks } from './compliance/access-log/view-volume.ts';
import { type Calendar, calendarOf, localDay } from './members/deadlines/business-day.ts';
import { overdueClocks } from './members/deadlines/deadline.ts';
import { endClocksDue, endClocksOfDead } from './members/deadlines/end-deadlines.ts';
import { openOfferClocks, openRefreshClocks, settleOfferClocks } from './members/deadlines/member-deadlines.ts';
import { CLOCK_RULES } from './members/deadlines/rules.ts';
import { LOOKS_AT_ONCE, lookAtCoverages } from './members/enrolment/coverage-check.ts';
import { forgetAssertions } from './peers/peer.ts';
import { tellVolume } from './peers/peer-volume.ts';
import { pullsOpen } from './requester/pull.ts';
import { forgetBudgets } from './responder/call-budget.ts';
import { forgetGrantChanges } from './responder/grant-check.ts';
import { forgetAttempts } from './responder/match/attempt-rows.ts';
import { forgetGroups } from './responder/match/match-group.ts';
import { tellRefused } from './responder/refused-request-rows.ts';

/** Enrolments whose clocks are set in one transaction. */
const OFFERS_AT_ONCE = 5000;

/** The duties to ask payers that have begun since the last time. */
export async function openRequestsDue(sql: Sql, calendar: Calendar, now: Date): Promise<void> {
  for (let looked = LOOKS_AT_ONCE; looked === LOOKS_AT_ONCE; )
    looked = await sql.begin((tx) => lookAtCoverages(tx, calendar, now, LOOKS_AT_ONCE));
}

/** One tick. Missed ticks lose nothing: everything is computed from rows. */
export async function keepClocks(deps: Deps): Promise<void> {
  const { sql } = deps.database;
  const now = deps.clock();
  const calendar = calendarOf(deps.config);
  for (let taken = OFFERS_AT_ONCE; taken === OFFERS_AT_ONCE; )
    taken = await sql.begin(async (tx) => {
      const opened = await openOfferClocks(tx, calendar, OFFERS_AT_ONCE);
      await settleOfferClocks(tx, opened.memberIds);
      await endClocksOfDead(tx, calendar, now, opened.memberIds);
      return opened.taken;
    });
  await openRequestsDue(sql, calendar, now);
  await sql.begin((tx) => openRefreshClocks(tx, calendar, now));
  await sql.begin((tx) => endClocksDue(tx, calendar, now));
  await forgetAssertions(sql, now);
  await forgetAttempts(sql, now);
  await forgetGroups(sql, localDay(now, deps.config.timeZone));
  await forgetBudgets(sql, now);
  await forgetGrantChanges(sql);
  await sql.begin((tx) => tellRefused(tx, now));
  const { alertVolumeTimes: times, alertVolumeMembers: members, alertVolumeRecords: records } = deps.config;
  const { timeZone } = deps.config;
  const today = localDay(now, timeZone);
  await sql.begin((tx) => tellVolume(tx, now, today, timeZone, { times, members, records }));
  const looks = { times, members: deps.config.alertMemberViews };
  await sql.begin((tx) => tellLooks(tx, now, today, timeZone, looks));
  const overdue = new Map((await overdueClocks(sql, now)).map(({ kind, n }) => [kind, n]));
  // a figure that is not set stays what it was, and those of a kind that are met would stand for ever
  for (const kind of Object.keys(CLOCK_RULES)) deps.metrics.gauge('clocks_overdue', overdue.get(kind) ?? 0, { kind });
  for (const [kind, count] of overdue) deps.log('warn', 'clocks overdue', { kind, count });
  for (const [state, n] of await pullsOpen(sql)) deps.metrics.gauge('pulls_open', n, { state });
  await keepAlerts(deps);
}
