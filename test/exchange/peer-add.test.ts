// `peer add` refuses what the page refuses, before a database is looked for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type AddOptions, peerAdd } from '../../src/command/peers.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-peers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keys = (text: string): string => {
  const file = join(folder, 'keys.json');
  writeFileSync(file, text);
  return file;
};

test.each<[string, Omit<AddOptions, 'name'>, RegExp]>([
  ['own', {}, /no peer id/],
  // the page to add one has this address
  ['new', {}, /no peer id/],
  ['Foo', {}, /no peer id/],
  ['foo', { fhirBase: 'ftp://payer.example' }, /^--fhir-base/],
  ['foo', { fhirBase: 'https://user:word@payer.example/fhir' }, /^--fhir-base/],
  ['foo', { jwksUrl: 'https://payer.example/keys?x=1' }, /^--jwks-url/],
  ['foo', { clientId: 'foo' }, /needs its keys/],
  ['foo', { jwks: 'no' }, /cannot be read/],
  ['foo', { jwks: '{"keys":[{"kty":"EC","kid":"a"},"x"]}' }, /needs kid and kty/],
  ['foo', { jwks: '{"keys":[{"kty":"EC","kid":"a","d":"x"}]}' }, /private key/],
])('%s with %o', async (id, options, told) => {
  const { jwks } = options;
  const given = jwks?.startsWith('{') ? { ...options, jwks: keys(jwks) } : options;
  await expect(peerAdd(id, { name: 'Foo', ...given })).rejects.toThrow(told);
});
