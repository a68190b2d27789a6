// What a plan of a simulation has of its members: rows of an enrolment file, and records, through the import.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ENROLMENT_COLUMNS } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readImport } from '../../src/import/read-import.ts';
import type { Person } from '../exchange/plan-fixture.ts';
import type { TestNode } from '../support/node.ts';

type Row = Record<string, string>;
const SCOPES = ['http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch', 'system/*.rs'];

/** Each of some plans may ask each other one. @param idOf id of a plan, by its place, with all others */
export async function meet(nodes: readonly TestNode[], idOf: (plan: number) => string): Promise<void> {
  for (const [here, node] of nodes.entries())
    for (const [there, other] of nodes.entries()) {
      if (here === there) continue;
      const peer = {
        id: idOf(there),
        name: other.deps.config.planName,
        npi: other.deps.config.planNpi,
        fhirBase: `${other.base}/exchange/fhir`,
        clientIdThere: `client-${here}`,
        clientIdHere: `client-${there}`,
        jwksUrl: `${other.base}/exchange/auth/client-jwks.json`,
        scopes: SCOPES,
      };
      await addPeer(node.deps.database.sql, peer, 'test', new Date());
      await setPeerState(node.deps.database.sql, peer.id, 'active', 'test', new Date());
    }
}

/** Row of a person of the plan, who is covered since 2020. */
export const enrolled = (p: Person, more: Row = {}): Row => ({
  member_number: p.number,
  family: p.family,
  given: p.given,
  birth_date: p.born,
  plan: 'HMO',
  coverage_start: '2020-01-01',
  ...more,
});

/** The same of one who has chosen, on a day, that another payer is asked, under that payer's number. */
export const asksOf = (p: Person, payer: string, number: string, policy = 'regular', day = '2026-01-01'): Row =>
  enrolled(p, {
    prior_payer: payer,
    prior_member_number: number,
    opt_in: 'yes',
    opt_in_date: day,
    opt_in_policy: policy,
  });

/** Imports both; nothing may be refused. */
export async function loadPlan(node: TestNode, rows: readonly Row[], records: readonly object[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-plan-'));
  try {
    const [csv, ndjson] = [join(folder, 'enrolment.csv'), join(folder, 'records.ndjson')];
    const lines = rows.map((row) => ENROLMENT_COLUMNS.map((c) => row[c] ?? '').join(','));
    writeFileSync(csv, [ENROLMENT_COLUMNS.join(','), ...lines].join('\n'));
    writeFileSync(ndjson, records.map((r) => JSON.stringify(r)).join('\n'));
    const rejects: unknown[] = [];
    await importMembers(node.deps, {
      records: readImport([ndjson]),
      ...(rows.length > 0 ? { enrolment: csv } : {}),
      validate,
      reject: (r) => void rejects.push(r),
    });
    expect(rejects).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
