import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { toSet, unusedInSandbox } from '../../src/runtime/to-set.ts';

const REAL = {
  DATABASE_URL: 'postgres://plan@localhost/node',
  BASE_URL: 'https://plan.example',
  PLAN_NAME: 'Riverbend Health',
  PLAN_NPI: '1234567893',
  SENSITIVE_CODES: 'codes.json',
  PLAN_CONTACT_EMAIL: 'directory@riverbend.example',
  STAFF_OIDC_ISSUER: 'https://id.riverbend.example',
  STAFF_OIDC_CLIENT_ID: 'payer-node',
};
const without = (...names: (keyof typeof REAL)[]) =>
  readConfig(Object.fromEntries(Object.entries(REAL).filter(([name]) => !names.includes(name as keyof typeof REAL))));

test('a node for real is told what it still has of the sandbox', () => {
  expect(toSet(readConfig(REAL))).toEqual([]);
  expect(toSet(without('PLAN_NAME'))).toEqual([expect.stringMatching(/^PLAN_NAME /)]);
  expect(toSet(without('PLAN_NPI'))).toEqual([expect.stringMatching(/^PLAN_NPI /)]);
  expect(toSet(without('SENSITIVE_CODES'))).toEqual([expect.stringMatching(/^SENSITIVE_CODES /)]);
  expect(toSet(readConfig({ ...REAL, BASE_URL: 'http://plan.example' }))).toEqual([
    expect.stringMatching(/^BASE_URL /),
  ]);
  for (const machine of ['http://127.0.0.1:8080', 'http://localhost:8080', 'http://[::1]:8080'])
    expect(toSet(readConfig({ ...REAL, BASE_URL: machine }))).toEqual([expect.stringMatching(/^BASE_URL names this/)]);
  expect(toSet(without('PLAN_CONTACT_EMAIL'))).toEqual([expect.stringMatching(/^PLAN_CONTACT_EMAIL /)]);
  expect(toSet(without('STAFF_OIDC_ISSUER', 'STAFF_OIDC_CLIENT_ID'))).toEqual([
    expect.stringMatching(/^STAFF_OIDC_ISSUER /),
  ]);
});

test('a directory alone sends nothing to payers; the sandbox invents all of it', () => {
  expect(
    toSet(without('PLAN_NPI', 'SENSITIVE_CODES', 'STAFF_OIDC_ISSUER', 'STAFF_OIDC_CLIENT_ID'), 'directory'),
  ).toEqual([]);
  expect(toSet(without('PLAN_CONTACT_EMAIL'), 'exchange')).toEqual([]);
  expect(toSet(readConfig({}))).toEqual([]);
});

test('a plan that is set is told to be none in the sandbox', () => {
  const said = (env: Record<string, string>) => unusedInSandbox(readConfig(env));
  expect(said({})).toBeUndefined();
  expect(said({ PLAN_NAME: 'Oak', PLAN_NPI: '9000000004' })).toMatch(/^PLAN_NAME and PLAN_NPI: not used/);
  expect(said({ PLAN_NPI: '9000000004' })).toMatch(/^PLAN_NPI: not used/);
  expect(said({ PLAN_NAME: 'Oak', SANDBOX: 'off' })).toBeUndefined();
});
