// `import members`: records and enrolment of our own members.
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { validate } from '../../src/fhir/validate/validate.ts';
import { interruptible, sayFindings, sayRejects, withRejects } from '../../src/import/import-progress.ts';
import { progressReporter } from '../../src/import/progress.ts';
import { readImport } from '../../src/import/read-import.ts';
import type { RejectsWriter } from '../../src/import/rejects-file.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { type OpenNode, person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { csvLine } from '../../src/seed/index.ts';
import type { LineOfBusiness } from '../members/deadlines/rules.ts';
import { enrolFromCoverage } from '../members/enrolment/enrol-from-coverage.ts';
import { ENROLMENT_COLUMNS } from '../members/enrolment/enrolment.ts';
import { importMembers } from '../members/enrolment/import-members.ts';
import { newNamed } from '../members/enrolment/named-in-file.ts';
import { templateRow } from '../members/enrolment/template.ts';
import { type AbsentOptions, checkAbsentOptions, tellAbsent } from './absent.ts';
import { unnumbered } from './member-numbers.ts';

export async function importMembersCommand(
  paths: string[],
  options: {
    enrolment?: string;
    enrolmentFromCoverage?: boolean;
    x12?: boolean;
    memberRef: string;
    lineOfBusiness: string;
    enrolmentTemplate?: string;
    priorPayer?: string;
    strict?: boolean;
    rejects: string;
  } & AbsentOptions,
): Promise<void> {
  if (options.enrolmentTemplate !== undefined)
    return writeTemplate(paths, options.enrolmentTemplate, options.priorPayer);
  if (paths.length === 0 && options.enrolment === undefined)
    throw new CommandFault('Name files or folders of records, or an enrolment file with --enrolment.');
  if (options.x12 && options.enrolment === undefined)
    throw new CommandFault('--x12 says how the enrolment file is read: name that file with --enrolment.');
  checkAbsentOptions(options);
  const signal = interruptible();
  const named = newNamed();
  const load = async (node: OpenNode, rejects: RejectsWriter) => {
    const progress = progressReporter('import members');
    const none = (async function* () {})();
    const result = await importMembers(node.deps, {
      records: paths.length === 0 ? none : readImport(paths, { progress: (p) => progress.update(p), signal }),
      ...(options.enrolment === undefined ? {} : { enrolment: options.enrolment }),
      ...(options.x12 ? { x12: { memberRef: options.memberRef, lob: options.lineOfBusiness } } : {}),
      validate,
      by: person(),
      ...(options.strict ? { strict: true } : {}),
      named,
      reject: (r) => rejects.write(r),
      signal,
    });
    const { counts: c } = result;
    let e = result.enrolment;
    let unnamed: string[] = [];
    if (options.enrolmentFromCoverage) {
      const told = await enrolFromCoverage(node.deps, options.lineOfBusiness as LineOfBusiness, (id, why) =>
        rejects.write({
          source: 'Coverage',
          line: 0,
          resourceType: 'Coverage',
          id,
          code: 'invalid-enrolment',
          reason: `No enrolment: ${why}.`,
        }),
      );
      e = told;
      const { planNpi, planName } = node.deps.config;
      // as it is with a wrong PLAN_NPI: all would be other payers' members
      if (told.read.ours === 0 && told.read.others > 0)
        unnamed = [
          `None of ${told.read.others} Coverage records names this plan (NPI ${planNpi}, or ${planName}) as its payor: no one is enrolled by them.`,
        ];
    }
    const absent = options.enrolment === undefined ? [] : await tellAbsent(node.deps, named, options);
    const file = await rejects.close();
    const lacking = await unnumbered(node.deps.database.sql);
    progress.end([
      `created ${c.created}, updated ${c.updated}, unchanged ${c.unchanged}, deleted ${c.deleted}, repeated ${c.repeated}, rejected ${result.refused}`,
      ...(options.enrolment === undefined && !options.enrolmentFromCoverage
        ? []
        : [
            `enrolment: ${e.enrolments} coverages, ${e.otherCoverages} other payers, ${e.choices} choices new or changed`,
          ]),
      ...unnamed,
      ...absent,
      ...(lacking === undefined ? [] : [lacking]),
      ...sayRejects(rejects, file),
      ...sayFindings(result.findings),
    ]);
  };
  await withNode((node) => withRejects(options.rejects, (rejects) => load(node, rejects)));
}

/** An enrolment file for a folder of records that come without one: edit it, then import with it. */
async function writeTemplate(paths: string[], file: string, priorPayer: string | undefined): Promise<void> {
  const out = createWriteStream(file, { flags: 'wx' });
  out.write(`${csvLine(ENROLMENT_COLUMNS)}\n`);
  let people = 0;
  for await (const entry of readImport(paths)) {
    if ('fault' in entry || entry.resource?.resourceType !== 'Patient') continue;
    const row = templateRow(entry.resource, priorPayer);
    out.write(`${csvLine(ENROLMENT_COLUMNS.map((c) => row[c]))}\n`);
    people++;
  }
  out.end();
  await finished(out);
  say(
    `${people} people in ${file}. Check it, then: import members ${priorPayer === undefined ? 'PATH… ' : ''}--enrolment ${file}`,
  );
}
