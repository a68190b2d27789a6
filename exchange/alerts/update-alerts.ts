// Keeps the alerts: what holds, what has ended, who is informed. Part of each tick of the schedule.
import type { Deps } from '../../src/deps.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { caseConditions } from '../compliance/incidents/cases.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { claimUnsent, forgetUnsent, markSent, recordConditions, standingConditions } from './alert.ts';
import { alertMessage } from './webhook.ts';

const AT_ONCE = 50;
const PATIENCE_MS = 5000;

/** A failing receiver fails nothing here: it is tried again with growing pauses, and the log says so. */
export async function keepAlerts(deps: Deps): Promise<void> {
  const { sql } = deps.database;
  const now = deps.clock();
  const today = localDay(now, deps.config.timeZone);
  const conditions = await standingConditions(sql, now, {
    quarantine: deps.config.alertQuarantine,
    keep: deps.config.matchRequestKeepDays,
    today,
    drillDays: deps.config.restoreDrillDays,
  });
  const standing = [...conditions, ...(await caseConditions(deps, today))];
  await sql.begin((tx) => recordConditions(tx, standing, now));
  const kinds = new Map<string, number>();
  for (const c of standing) kinds.set(c.kind, (kinds.get(c.kind) ?? 0) + 1);
  for (const kind of [
    'clocks-overdue',
    'clocks-due-soon',
    'pull-waits',
    'pull-incomplete',
    'pull-failed',
    'pull-repeats',
    'release-waits',
    'peer-failing',
    'types-refused',
    'wrong-patient',
    'one-for-two',
    'quarantine-full',
    'audit-changed',
    'peer-changed',
    'must-not-leave',
    'request-failed',
    'request-waits',
    'request-kept',
    'emergency-access',
    'unusual-members',
    'unusual-records',
    'unusual-looks',
    'card-trying',
    'match-misses',
    'match-sequence',
    'restore-due',
    'case-due',
    'case-overdue',
  ])
    deps.metrics.gauge('alerts_standing', kinds.get(kind) ?? 0, { kind });
  for (const [kind, count] of kinds) deps.log('warn', 'alert stands', { kind, count });
  const address = deps.config.alertWebhookUrl;
  if (address === undefined) return forgetUnsent(sql);
  const node = { name: deps.config.planName, staffUrl: `${deps.config.baseUrl}/staff` };
  for (const alert of await claimUnsent(sql, now, AT_ONCE)) {
    const { body, headers } = alertMessage(alert, node, deps.config.alertWebhookSecret, deps.clock());
    try {
      const answer = await deps.fetch(address, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      await markSent(sql, alert.id, alert.clearedAt !== null, deps.clock());
    } catch (error) {
      deps.log('warn', 'alert not delivered', { kind: alert.kind, attempts: alert.attempts, error: describe(error) });
    }
  }
}
