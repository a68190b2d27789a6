import { expect, test } from 'vitest';
import { type Bucket, r2Blobs } from '../../src/runtime/r2-blobs.ts';
import { secretKeys, workerDeps } from '../../src/runtime/workers.ts';

const env = { HYPERDRIVE: { connectionString: 'postgres://127.0.0.1:1/none' } };

test('a secret that is not set is named, with 503', async () => {
  await expect(secretKeys(env).signing('token')).rejects.toMatchObject({
    status: 503,
    message: 'The secret TOKEN_KEY is not set.',
  });
});

test('client keys of both families are published, or of the one that there is', async () => {
  const key = (more: object) => JSON.stringify({ kid: 'k', d: 'secret', ...more });
  const given = { ...env, CLIENT_KEY: key({ kty: 'EC', crv: 'P-384', x: 'x', y: 'y', alg: 'ES384' }) };
  expect(await secretKeys(given).published('rsa-client')).toEqual([]);
  const both = { ...given, CLIENT_RSA_KEY: key({ kty: 'RSA', n: 'n', e: 'AQAB', alg: 'RS384', p: 'secret' }) };
  expect(await secretKeys(both).published('rsa-client')).toEqual([
    { kty: 'RSA', n: 'n', e: 'AQAB', kid: 'k', alg: 'RS384', use: 'sig' },
  ]);
  expect(await secretKeys(both).published('client')).toHaveLength(1);
});

test('a bucket is read, listed to its end and emptied; nothing is written to it', async () => {
  const held = new Set(['bulk/a/1', 'bulk/a/2', 'bulk/a/3']);
  const bucket: Bucket = {
    head: async (key) => (held.has(key) ? { size: 5 } : null),
    get: async () => null,
    // two a page
    async list({ prefix, cursor = '0' }) {
      const keys = [...held].filter((key) => key.startsWith(prefix));
      const page = keys.slice(Number(cursor), Number(cursor) + 2);
      const next = Number(cursor) + 2;
      return { objects: page.map((key) => ({ key })), truncated: next < keys.length, cursor: String(next) };
    },
    delete: async (key) => void held.delete(key),
  };
  const blobs = r2Blobs(bucket);
  const keys = await blobs.list('bulk/a/');
  expect(keys).toEqual(['bulk/a/1', 'bulk/a/2', 'bulk/a/3']);
  expect([await blobs.get('bulk/a/1'), await blobs.size('bulk/a/1'), await blobs.size('none')]).toEqual([
    undefined,
    5,
    undefined,
  ]);
  for (const key of keys) await blobs.delete(key);
  expect(held.size).toBe(0);
  expect(() => blobs.put('bulk/a/4', (async function* () {})())).toThrow(
    expect.objectContaining({ status: 503, message: 'This Worker writes no files.' }),
  );
});

test('object storage that is not bound is named, with 503', async () => {
  const { blobs } = workerDeps(env, { waitUntil: () => {} });
  expect([await blobs.list('any/'), await blobs.delete('any')]).toEqual([[], undefined]);
  expect(() => blobs.get('any')).toThrow(
    expect.objectContaining({ status: 503, message: 'Object storage is not bound to this Worker.' }),
  );
});
