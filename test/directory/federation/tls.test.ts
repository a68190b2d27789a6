// Q56: certificates that are not valid are a failure with its reason, and nothing is lost; there is no way around it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

let dir: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
beforeAll(async () => {
  dir = await scriptedDirectory();
  w = await world();
  await w.add('oak', dir.fhir);
  expect((await w.harvest('oak')).state).toBe('done');
});
afterAll(async () => {
  await w.close();
  await dir.close();
});

test.each([
  'CERT_HAS_EXPIRED',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
])('Q56: %s', async (code) => {
  const real = w.deps.fetch;
  let asked = 0;
  w.deps.fetch = (async () => {
    asked++;
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('tls'), { code }) });
  }) as typeof fetch;
  try {
    await w.sql`update federation.peer set cursor = '{}', state = 'on'`;
    w.day();
    expect(await w.harvest('oak')).toMatchObject({ state: 'failed', reason: 'tls-fault' });
    expect(asked).toBe(1);
    expect(await w.counts('oak')).toEqual({ l: 27 });
  } finally {
    w.deps.fetch = real;
  }
});
