// The accounting of disclosures of a member (45 CFR 164.528) as rows and as FHIR AuditEvents.
import type { AuditEvent, Bundle } from 'fhir/r4.js';
import type { Deps } from '../../../src/deps.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { addDays, endOfDay, localDay, yearsBefore } from '../../clocks/business-day.ts';
import { idsOfPerson, timesAsOther } from '../../store/members/member-merge.ts';
import {
  type Disclosure,
  findMemberId,
  memberDisclosures,
  memberIdPages,
} from '../../store/report/report-disclosures.ts';
import { memberKeys } from '../member-key.ts';

export type { Disclosure };

/** The rule asks for six years. */
export const ACCOUNT_YEARS = 6;
/** So many are told at once; each says how many there are (`ofAll`). */
const MOST = 10_000;
export const WHY =
  'Payer-to-payer exchange, asked for by the member (42 CFR 422.121(b), 431.61(b), 457.731(b); 45 CFR 156.222(b))';
export const HOW: Readonly<Record<Disclosure['action'], string>> = {
  'export-member': 'Files of an export',
  read: 'Reading of a record',
  search: 'Search',
  everything: 'All records at once',
};

/** What left: records by type, or the number of those that a search told. */
export const leftOf = ({ types, object, counted }: Disclosure): { what: string; n: number; isNumber?: true }[] =>
  counted === null
    ? Object.entries(types).map(([what, n]) => ({ what, n }))
    : [{ what: `the number of ${object}`, n: counted, isNumber: true }];

export async function disclosuresOf(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  memberId: string,
): Promise<Disclosure[] | undefined> {
  const { sql } = deps.database;
  if ((await findMemberId(sql, memberId)) !== memberId) return undefined;
  // the day six years ago is the first of them, from its beginning where the plan is
  const { timeZone } = deps.config;
  const day = yearsBefore(localDay(deps.clock(), timeZone), ACCOUNT_YEARS);
  const from = new Date(endOfDay(addDays(day, -1), timeZone).getTime() + 1);
  const ids = await idsOfPerson(sql, memberId);
  return memberDisclosures(sql, ids, await timesAsOther(sql, ids), from, MOST);
}

const MEMBER_KEY = /^M-[0-9a-f]{10}$/;

/** The member behind a Patient id, a member number or the key by which pages and reports name members. */
export async function memberBehind(
  deps: Pick<Deps, 'database' | 'keys'>,
  written: string,
): Promise<string | undefined> {
  const { sql } = deps.database;
  const found = await findMemberId(sql, written);
  if (found !== undefined || !MEMBER_KEY.test(written)) return found;
  // a key leads back only by making those of all members; two may have the same
  const keyOf = await memberKeys(deps);
  const behind: string[] = [];
  for await (const page of memberIdPages(sql)) behind.push(...page.filter((id) => keyOf(id) === written));
  return behind.length === 1 ? behind[0] : undefined;
}

/** One AuditEvent for each time that something left. What was made ready and never fetched is none. */
export function disclosureBundle(
  deps: Pick<Deps, 'config' | 'clock'>,
  memberId: string,
  disclosures: readonly Disclosure[],
): Bundle<AuditEvent> {
  const events = disclosures.flatMap((d) => (d.at === null ? [] : [{ ...d, at: d.at }]));
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp: formatInstant(deps.clock()),
    entry: events.map((d) => ({
      fullUrl: `urn:payer-node:audit:${d.seq}`,
      resource: auditEvent(deps, memberId, d, d.at),
    })),
  };
}

function auditEvent(deps: Pick<Deps, 'config'>, memberId: string, d: Disclosure, at: Date): AuditEvent {
  const isExport = d.action === 'export-member';
  return {
    resourceType: 'AuditEvent',
    id: `audit-${d.seq}`,
    type: isExport
      ? { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110106', display: 'Export' }
      : {
          system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
          code: 'rest',
          display: 'RESTful Operation',
        },
    action: isExport || d.action === 'read' ? 'R' : 'E',
    period: { start: formatInstant(at), end: formatInstant(d.lastAt ?? at) },
    recorded: formatInstant(at),
    outcome: '0',
    purposeOfEvent: [{ text: WHY }],
    agent: [
      {
        who: {
          ...(d.peerNpi === null ? {} : { identifier: { system: NPI_SYSTEM, value: d.peerNpi } }),
          display: d.peerName,
        },
        ...(d.peerAddress === null ? {} : { location: { display: d.peerAddress } }),
        requestor: true,
      },
    ],
    source: {
      observer: {
        ...(deps.config.planNpi === null ? {} : { identifier: { system: NPI_SYSTEM, value: deps.config.planNpi } }),
        display: deps.config.planName,
      },
    },
    entity: [
      {
        what: { reference: `Patient/${memberId}` },
        role: { system: 'http://terminology.hl7.org/CodeSystem/object-role', code: '1', display: 'Patient' },
        ...(d.asMember === null
          ? {}
          : { description: `As records of Patient/${d.asMember}, for whom the person was taken` }),
        detail: leftOf(d).map(({ what, n }) => ({ type: what, valueString: String(n) })),
      },
      ...(d.consentId === null
        ? []
        : [{ what: { identifier: { value: d.consentId } }, description: 'The consent it rests on' }]),
    ],
  };
}
