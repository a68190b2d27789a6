// Enrolment files of one person's cards, CSV and X12, loaded into a node; and the coverage that stands then.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import type { TestNode } from './node.ts';

export const X12 = { x12: { memberRef: '23', lob: 'ma' } };

/** @param nodeOf the node, once it has started @param folder that the files are written to */
export function cardFiles(nodeOf: () => TestNode, folder: string) {
  async function load(text: string, more: { x12?: { memberRef: string; lob: string }; records?: ImportEntry[] } = {}) {
    const path = join(folder, `${Math.random()}`);
    writeFileSync(path, text);
    const refused: string[] = [];
    const { records = [], ...x12 } = more;
    const { counts, enrolment } = await importMembers(nodeOf().deps, {
      records: (async function* () {
        yield* records;
      })(),
      enrolment: path,
      ...x12,
      validate,
      reject: (r) => void refused.push(`${r.line} ${r.reason}`),
    });
    return { counts, enrolment, refused };
  }
  const csv = (rows: string[], records?: ImportEntry[]) =>
    load(
      `patient_id,member_number,former_member_number,family,given,birth_date,coverage_start,coverage_end,plan,city,line_of_business,deceased\n${rows.join('\n')}\n`,
      records === undefined ? {} : { records },
    );
  /** Number, whose, first and last day of each coverage under these numbers. */
  const coverage = async (...numbers: string[]) =>
    (
      await nodeOf().deps.database.sql<{ n: string; m: string; s: string; e: string | null }[]>`
        select member_number as n, member_id as m, starts::text as s, ends::text as e from exchange.enrolment
        where member_number = any(${numbers}::text[]) order by member_number, starts`
    ).map((r) => [r.n, numbers.find((n) => patientIdFor(n) === r.m) ?? r.m, r.s, r.e]);
  /** Last days of coverage under these numbers, in their order. */
  const ends = async (...numbers: string[]) => (await coverage(...numbers)).map((c) => c[3]);
  return { load, csv, coverage, ends };
}

type Row = {
  patient?: string;
  former?: string;
  starts?: string;
  ends?: string;
  lob?: string;
  died?: string;
};
/** A row of the CSV. */
export const person = (number: string, more: Row = {}) =>
  `${more.patient ?? ''},${number},${more.former ?? ''},Marlowe,Anna,1980-02-29,${more.starts ?? '2026-01-01'},${more.ends ?? ''},GOLD,,${more.lob ?? ''},${more.died ?? ''}`;

export const interchange = (...members: string[][]) => {
  const body = members.flat();
  return `${[
    'ISA*00*          *00*          *ZZ*SPONSOR        *ZZ*PLAN           *270101*1200*^*00501*000000001*0*P*:',
    'GS*BE*SPONSOR*PLAN*20270101*1200*1*X*005010X220A1',
    'ST*834*0001*005010X220A1',
    'BGN*00*1*20270101*1200****2',
    ...body,
    `SE*${body.length + 3}*0001`,
    'GE*1*1',
    'IEA*1*000000001',
  ].join('~\n')}~\n`;
};
/** An end (024) of a coverage, reported with its start or without. */
export const ending = (number: string, ends: string, starts?: string, died = '') => [
  `INS*Y*18*024*08*A***TE***${died === '' ? '' : `D8*${died}`}`,
  `REF*23*${number}`,
  'NM1*IL*1*MARLOWE*ANNA',
  'DMG*D8*19800229*F',
  'HD*024**HLT*GOLD',
  ...(starts === undefined ? [] : [`DTP*348*D8*${starts}`]),
  `DTP*349*D8*${ends}`,
];
/** Goes on (030), with its first day. */
export const goesOn = (number: string, starts: string) => [
  'INS*Y*18*030*XN*A***FT',
  `REF*23*${number}`,
  'NM1*IL*1*MARLOWE*ANNA',
  'DMG*D8*19800229*F',
  'HD*030**HLT*GOLD',
  `DTP*348*D8*${starts}`,
];
