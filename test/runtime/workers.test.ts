import { expect, test } from 'vitest';
import { secretKeys, workerDeps } from '../../src/runtime/workers.ts';

const env = { HYPERDRIVE: { connectionString: 'postgres://127.0.0.1:1/none' } };

test('a secret that is not set is named, with 503', async () => {
  await expect(secretKeys(env).signing('token')).rejects.toMatchObject({
    status: 503,
    message: 'The secret TOKEN_KEY is not set.',
  });
});

test('object storage that is not bound is named, with 503', () => {
  const { blobs } = workerDeps(env, { waitUntil: () => {} });
  expect(() => blobs.get('any')).toThrow(
    expect.objectContaining({ status: 503, message: 'Object storage is not bound to this Worker.' }),
  );
});
