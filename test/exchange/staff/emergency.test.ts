// Emergency access: administrators open the records of members for an hour with a reason; it is reported everywhere, and nothing can be decided by it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepAlerts } from '../../../exchange/alerts/update-alerts.ts';
import { EMERGENCY_REASON } from '../../../exchange/compliance/access-log/emergency-access.ts';
import { complianceReport } from '../../../exchange/compliance/report/compliance.ts';
import { readPeriod } from '../../../exchange/compliance/report/period.ts';
import { fieldOf, type StaffNode, startStaff, Visitor } from './support.ts';

const WHY = 'No reviewer can be reached, and the hospital asks';
/** Midday of the plan, in the middle of a month. */
let skew = Date.UTC(2027, 2, 10, 17) - Date.now();
const clock = () => new Date(Date.now() + skew);
let node: StaffNode;
let admin: Visitor;
beforeAll(async () => {
  node = await startStaff({ clock });
  admin = await signedIn('dev-admin');
});
afterAll(() => node?.close());

async function signedIn(user: string): Promise<Visitor> {
  const visitor = new Visitor(node.app, node.ours.base);
  await visitor.signIn(user, node.account.password);
  return visitor;
}
const page = () => `/staff/members/${node.memberId}`;
const send = async (visitor: Visitor, path: string, fields: Record<string, string> = {}) => {
  const csrf = fieldOf(await (await visitor.get('/staff/emergency')).text(), 'csrf');
  return visitor.post(path, { csrf, ...fields });
};
const alerts = async () => {
  await keepAlerts(node.ours.deps);
  const rows = await node.ours.deps.database.sql<{ subject: string }[]>`
    select subject from exchange.alert where kind = 'emergency-access' and cleared_at is null`;
  return rows.length;
};
const listed = async (visitor: Visitor) => {
  const { tables } = (await (await visitor.get('/staff/emergency?format=json')).json()) as {
    tables: { emergencies: Record<string, unknown>[] };
  };
  return tables.emergencies;
};

test('an administrator sees no member without it, and with a reason for an hour', async () => {
  expect((await admin.get(page())).status).toBe(403);
  const short = await send(admin, '/staff/emergency/begin', { reason: 'because' });
  expect([short.status, (await short.text()).includes(EMERGENCY_REASON)]).toEqual([400, true]);
  expect((await send(admin, '/staff/emergency/begin', { reason: WHY })).status).toBe(303);
  const shown = await admin.get(page());
  expect(shown.status).toBe(200);
  expect(await shown.text()).toContain('emergency access</a>');
  expect(await alerts()).toBe(1);

  // no one else has it by that, nothing can be decided, and it is of this session alone
  const viewer = await signedIn('dev-viewer');
  expect((await viewer.get(page())).status).toBe(403);
  const choice = await send(admin, `${page()}/choice`, { choice: 'withdraw', channel: 'phone', verification: 'x' });
  expect(choice.status).toBe(403);
  const other = await signedIn('dev-admin');
  expect((await other.get(page())).status).toBe(403);

  expect(await listed(viewer)).toEqual([
    expect.objectContaining({ person: 'dev|dev-admin', reason: WHY, state: 'open', members: 1 }),
  ]);
  const looks = await node.ours.deps.database.sql`
    select from exchange.audit where action = 'emergency-look' and member_id = ${node.memberId} and actor = 'dev|dev-admin'`;
  expect(looks).toHaveLength(1);

  skew += 59 * 60_000;
  // used in between, as a session of fifteen minutes without use is over
  expect((await (await signedIn('dev-admin')).get(page())).status).toBe(403);
  skew += 2 * 60_000;
  expect(await alerts()).toBe(0);
  expect((await listed(await signedIn('dev-viewer')))[0]).toMatchObject({ state: 'over' });
});

test('it ends when it is ended, and by a sign-in that is too long ago it is not opened', async () => {
  const again = await signedIn('dev-admin');
  expect((await send(again, '/staff/emergency/begin', { reason: WHY })).status).toBe(303);
  expect((await again.get(page())).status).toBe(200);
  expect((await send(again, '/staff/emergency/end')).status).toBe(303);
  expect((await again.get(page())).status).toBe(403);
  expect((await send(again, '/staff/emergency/end')).status).toBe(404);
  skew += 6 * 60_000;
  expect((await send(again, '/staff/emergency/begin', { reason: WHY })).status).toBe(403);
  expect((await send(await signedIn('dev-reviewer'), '/staff/emergency/begin', { reason: WHY })).status).toBe(403);
});

test('the compliance report tells it', async () => {
  const period = readPeriod('2027-03');
  if (!period) throw new Error('no such month');
  const { tables } = await complianceReport(node.ours.deps, { period });
  const told = tables.find((t) => t.name === 'emergencies');
  expect(told?.rows.map((r) => [r[0]?.value, r[2]?.value, r[4]?.value])).toEqual([
    ['dev|dev-admin', WHY, 1],
    ['dev|dev-admin', WHY, 1],
  ]);
});
