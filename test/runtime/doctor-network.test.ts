// What `doctor` says of who is to be told of alerts, and of payers that are asked.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alertsTold, peerAnswers } from '../../exchange/commands/doctor-network.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import type { Deps } from '../../src/deps.ts';
import { faultSentence } from '../../src/runtime/fault.ts';
import { type ScriptedPeer, scriptedPeer } from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
afterAll(() => peer.close());

/** As undici throws what Node's TLS or TCP says. */
const failing = (code: string): Pick<Deps, 'fetch'> => ({
  fetch: () =>
    Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('secret detail'), { code }) })),
});
const asked = (deps: Deps, address: string): Promise<string> =>
  alertsTold(deps, address).catch((error: unknown) => faultSentence(error) ?? 'unexpected');

test('nobody at ALERT_WEBHOOK_URL is told as that, with why', async () => {
  const { deps } = peer.node;
  const hook = `${peer.base}/hook`;
  expect(await asked(deps, hook)).toContain(`somebody answers at ${new URL(peer.base).host}; not signed`);
  expect(peer.seen.at(-1)).toMatchObject({ method: 'HEAD', path: '/hook', body: '' });
  expect(await asked(deps, 'http://127.0.0.1:9/hook')).toMatch(
    /^ALERT_WEBHOOK_URL cannot be reached \(\w+\): no one is informed/,
  );
  expect(await asked({ ...deps, ...failing('CERT_HAS_EXPIRED') }, hook)).toContain('(its certificate is not valid)');
  expect(await asked({ ...deps, fetch: async () => new Response(null, { status: 502 }) }, hook)).toContain(
    'answers 502',
  );
  await deps.database
    .sql`insert into exchange.alert (id, kind, subject, amount, first_at, last_at, next_send_at, send_attempts)
    values ('a', 'peer-failing', 'x', 1, now(), now(), now(), 3), ('b', 'peer-failing', 'y', 1, now(), now(), now(), 2)`;
  expect(await asked(deps, hook)).toContain('an alert was not taken in 3 tries or more');
});

test('a payer whose certificate has expired is told as that, and recorded nowhere', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const found = await findPeer(sql, 'scripted');
  if (!found) throw new Error('no peer');
  expect(await peerAnswers(deps, found)).toEqual({ said: 'active, answers' });
  for (const code of ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])
    expect((await peerAnswers({ ...deps, ...failing(code) }, found)).fault).toMatch(
      /certificate is not valid.*\(certificate\)$/,
    );
  expect((await peerAnswers({ ...deps, ...failing('ECONNREFUSED') }, found)).fault).toMatch(/\(unreachable\)$/);
  // a clock that is not ours, by what its answers say
  for (const [minutes, told, age] of [
    [-5, /its clock is (4|5) minutes behind ours/],
    [5, /its clock is (4|5) minutes ahead of ours/],
    [0, undefined],
    // a cache on the way gave what it had
    [-5, undefined, '300'],
    [0, /its clock is (4|5) minutes ahead of ours/, '300'],
  ] as const) {
    const date = new Date(deps.clock().getTime() + minutes * 60_000).toUTCString();
    const dated: Deps = {
      ...deps,
      fetch: async (url, init) =>
        new Response((await deps.fetch(url, init)).body, {
          headers: { date, ...(age === undefined ? {} : { age }) },
        }),
    };
    const { fault } = await peerAnswers(dated, found);
    if (told === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(told);
  }
  expect(await peerAnswers(deps, { ...found, state: 'suspended' })).toEqual({ said: 'suspended' });
  expect(await sql`select 1 from exchange.peer_check`).toHaveLength(0);
});

test('a pull waits for a payer whose certificate has expired, as for one that is away', async () => {
  const away = Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' });
  const { deps } = peer.node;
  const real = deps.fetch;
  let tries = 0;
  Object.assign(deps, {
    fetch: (...all: Parameters<typeof fetch>) =>
      tries++ < 12 ? Promise.reject(new TypeError('fetch failed', { cause: away })) : real(...all),
  });
  const pull = await peer.pull().finally(() => Object.assign(deps, { fetch: real }));
  expect([pull.state, tries > 12]).toEqual(['done', true]);
});
