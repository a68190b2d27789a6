// `peer add` refuses what the page refuses, before a database is looked for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type AddOptions, peerAdd } from '../../exchange/commands/peers.ts';
import { neverAsked } from '../../exchange/peers/registration.ts';

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

const PUBLIC = { allowLoopback: false, allowedNetworks: [] };
test.each([
  ['https://payer.example/keys', 0],
  ['http://payer.example/keys', 1],
  ['https://localhost/keys', 1],
  ['https://127.1/keys', 1],
  ['https://2130706433/keys', 1],
  ['https://0x7f000001/keys', 1],
  ['https://[::ffff:10.0.0.1]/keys', 1],
  ['https://169.254.169.254/keys', 1],
  ['https://10.1.2.3/keys', 1],
])('%s: an address that would never be asked is reported when it is written', (url, faults) => {
  const none = { fhirBase: null, jwksUrl: null, discoveryUrl: null, fileOrigins: [] };
  for (const fields of [{ fhirBase: url }, { jwksUrl: url }, { discoveryUrl: url }, { fileOrigins: [url] }])
    expect(neverAsked({ ...none, ...fields }, PUBLIC)).toHaveLength(faults);
  const here = { ...PUBLIC, allowedNetworks: ['10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16'] };
  expect(neverAsked({ ...none, jwksUrl: url }, here)).toHaveLength(url.startsWith('http://') ? 1 : 0);
});
