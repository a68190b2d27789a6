// The commands that move data: migrate, seed, import.
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { LineOfBusiness } from '../../exchange/clocks/rules.ts';
import { enrolFromCoverage } from '../../exchange/members/enrol-from-coverage.ts';
import { ENROLMENT_COLUMNS } from '../../exchange/members/enrolment.ts';
import { importMembers } from '../../exchange/members/import-members.ts';
import { templateRow } from '../../exchange/members/template.ts';
import { readConfig } from '../config.ts';
import { parameterName } from '../fhir/search/parameters.ts';
import type { IssueCode } from '../fhir/validate/issue.ts';
import { validate } from '../fhir/validate/validate.ts';
import { networkId } from '../import/plan/build.ts';
import { readDirectoryFiles } from '../import/plan/read-plan-files.ts';
import { templates } from '../import/plan/templates.ts';
import { progressReporter } from '../import/progress.ts';
import { readImport } from '../import/read-import.ts';
import { type Reject, type RejectsWriter, rejectsWriter } from '../import/rejects-file.ts';
import { readTaxonomyFile } from '../import/taxonomy-file.ts';
import { EVERYBODYS, makeFolder } from '../make-folder.ts';
import { csvLine, runSeed } from '../seed/index.ts';
import { migrate, planMigration } from '../store/migrate.ts';
import { deleteLeftBehind, gone } from '../store/resource/left-behind.ts';
import { readResource } from '../store/resource/resource.ts';
import { type ImportEntry, importResources } from '../store/resource/resource-import.ts';
import { replaceTaxonomy, taxonomyCodes } from '../store/taxonomy.ts';
import { CommandFault } from './fault.ts';
import { unnumbered } from './member-numbers.ts';
import { type OpenNode, openServer, withNode } from './node.ts';
import { say } from './say.ts';

/** Records of a generated member on both sides together, about. */
const RECORDS_A_MEMBER = 282;
const number = new Intl.NumberFormat('en-US');

/** Ctrl-C stops long work at a safe place; what cannot end in order there throws the signal's reason. */
function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort(new CommandFault('Stopped.'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return controller.signal;
}

export async function runMigrate(options: { plan?: boolean }): Promise<void> {
  const config = readConfig({ LOG_LEVEL: 'warn', ...process.env });
  const server = await openServer(config);
  try {
    const url = await server.url('payer_node');
    if (options.plan) {
      const plan = await planMigration(url);
      if (plan.unknown.length > 0)
        throw new CommandFault(`The database is newer than this program (it has ${plan.unknown.join(', ')}).`);
      say(
        plan.pending.length === 0
          ? 'Nothing to do.'
          : plan.pending.map((p) => `${p.kind.padEnd(8)} ${p.name}`).join('\n'),
      );
      return;
    }
    const done = await migrate(url);
    say(done.length === 0 ? 'Nothing to do.' : done.map((name) => `done     ${name}`).join('\n'));
  } finally {
    await server.release();
  }
}

export async function runSeedCommand(
  kind: string,
  options: { size: string; seed: string; out: string; gzip?: boolean },
): Promise<void> {
  if (kind !== 'directory' && kind !== 'members')
    throw new CommandFault(`"${kind}" cannot be generated: seed directory or members.`);
  const whole = (name: string, text: string, least: number) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new CommandFault(`--${name} must be a whole number of ${least} or more.`);
    return value;
  };
  const size = whole('size', options.size, 1);
  const progress = progressReporter('seed');
  const expected = kind === 'directory' ? size : size * RECORDS_A_MEMBER;
  const result = await runSeed({
    kind,
    size,
    seed: whole('seed', options.seed, 0),
    out: options.out,
    ...(options.gzip ? { gzip: true } : {}),
    signal: interruptible(),
    onProgress: (n) => progress.update({ bytesRead: Math.min(n, expected), bytesTotal: expected, entries: n }),
  });
  const entries = Object.values(result.counts).reduce((a, b) => a + b, 0);
  progress.update({ bytesRead: result.bytes, bytesTotal: result.bytes, entries });
  progress.end();
  for (const [name, n] of Object.entries(result.counts)) say(`${number.format(n).padStart(12)} ${name}`);
  say(`${number.format(result.bytes)} bytes in ${options.out}`);
}

type Findings = Partial<Record<IssueCode, number>> | Record<string, number>;

function sayFindings(findings: Findings): string[] {
  const rows = Object.entries(findings).sort((a, b) => Number(b[1]) - Number(a[1]));
  return rows.length === 0
    ? []
    : ['findings (stored as sent):', ...rows.map(([code, n]) => `  ${number.format(Number(n)).padStart(9)} ${code}`)];
}

/** Also after a fault all that was refused until then stands in the file. */
async function withRejects(file: string, run: (rejects: RejectsWriter) => Promise<void>): Promise<void> {
  const rejects = rejectsWriter(file);
  try {
    await run(rejects);
  } catch (error) {
    // what stopped the import is told
    const written = await rejects.close().catch(() => undefined);
    if (written !== undefined) say(`lines rejected until then, with their reasons: ${written}`);
    throw error;
  }
  if (rejects.unread.length > 0) process.exitCode = 1;
}

/** Files that are named; of more it is said how many. */
const NAMED = 10;

/** What was refused, and first of all what was not read: how much that is nobody knows. */
function sayRejects({ unread }: RejectsWriter, file: string | undefined): string[] {
  const named = unread.slice(0, NAMED).map(({ source, line, reason }) => {
    return line > 1 ? `not read as a whole: ${source}, line ${line}. ${reason}` : `not read: ${source}. ${reason}`;
  });
  return [
    ...named,
    ...(unread.length > NAMED
      ? [`not read, or not as a whole: ${number.format(unread.length - NAMED)} files more`]
      : []),
    ...(file === undefined ? [] : [`rejected lines with their reasons: ${file}`]),
  ];
}

export async function importDirectory(
  paths: string[],
  options: { strict?: boolean; mirror?: boolean; rejects: string; network?: string; template?: string },
): Promise<void> {
  if (options.template !== undefined) return writeDirectoryTemplates(options.template);
  if (paths.length === 0) throw new CommandFault('Name files or folders to import.');
  const signal = interruptible();
  const load = async (node: OpenNode, rejects: RejectsWriter) => {
    const progress = progressReporter('import directory');
    const { sql } = node.deps.database;
    const taxonomy = await taxonomyCodes(sql);
    const { network } = options;
    const known = network === undefined ? undefined : await readResource(sql, `Organization/${networkId(network)}`);
    const deactivated = gone();
    const to = { base: `${node.config.baseUrl}/directory/fhir`, clock: node.deps.clock, signal };
    const summary = await importResources(
      node.deps.database,
      readDirectoryFiles(paths, {
        payer: { name: node.config.planName, npi: node.config.planNpi },
        ...(network === undefined ? {} : { network, networkIsKnown: known?.deleted === false }),
        progress: (p) => progress.update(p),
        onDeleted: deactivated.add,
      }) as AsyncIterable<ImportEntry>,
      {
        ...to,
        ...(options.mirror
          ? {}
          : { validate: (r: unknown) => validate(r, { profiles: 'plan-net', ...(taxonomy ? { taxonomy } : {}) }) }),
        ...(options.strict ? { strict: true } : {}),
        onReject: (entry, code, message) => rejects.write(rejectOf(entry, code, message)),
      },
    );
    summary.deleted += await deleteLeftBehind(node.deps.database, deactivated, to);
    const file = await rejects.close();
    progress.end([
      `created ${summary.created}, updated ${summary.updated}, unchanged ${summary.unchanged}, deleted ${summary.deleted}, repeated ${summary.duplicates}, rejected ${summary.rejected}`,
      ...sayRejects(rejects, file),
      ...sayFindings(summary.findings),
      ...(summary.unresolved.count > 0
        ? [
            `references that lead nowhere: ${number.format(summary.unresolved.count)}, such as ${summary.unresolved.examples
              .slice(0, 3)
              .map(({ key, param }) => `${parameterName(param)} of ${key}`)
              .join(', ')}`,
          ]
        : []),
      ...(signal.aborted ? ['stopped: what was read is committed; run it again to go on'] : []),
    ]);
    if (signal.aborted) process.exitCode = 1;
  };
  await withNode((node) => withRejects(options.rejects, (rejects) => load(node, rejects)));
}

/** Loads the operator's copy of the taxonomy; later imports check specialties against it. */
export async function importTaxonomy(path: string): Promise<void> {
  const codes = await readTaxonomyFile(path);
  await withNode(async (node) => {
    const { added, removed } = await node.deps.database.sql.begin((tx) => replaceTaxonomy(tx, codes));
    say(
      `${codes.length} taxonomy codes: ${added} new, ${removed} gone. Imports check specialties against them from now on.`,
    );
  });
}

async function writeDirectoryTemplates(folder: string): Promise<void> {
  makeFolder(folder, EVERYBODYS);
  for (const { name, lines } of templates()) {
    writeFileSync(join(folder, name), lines.map((line) => `${csvLine(line)}\n`).join(''), { flag: 'wx' });
    say(`${join(folder, name)}: the columns are described in docs/import.md`);
  }
}

function rejectOf(entry: ImportEntry, code: string, reason: string): Reject {
  const place = {
    source: entry.source,
    line: entry.line,
    ...(entry.entry === undefined ? {} : { entry: entry.entry }),
  };
  const resource = 'fault' in entry ? undefined : entry.resource;
  const id = resource?.['id'];
  return {
    ...place,
    ...(resource ? { resourceType: resource.resourceType } : {}),
    ...(typeof id === 'string' ? { id } : {}),
    code,
    reason,
    ...('fault' in entry && entry.unread ? { unread: true } : {}),
  };
}

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
  },
): Promise<void> {
  if (options.enrolmentTemplate !== undefined)
    return writeTemplate(paths, options.enrolmentTemplate, options.priorPayer);
  if (paths.length === 0 && options.enrolment === undefined)
    throw new CommandFault('Name files or folders of records, or an enrolment file with --enrolment.');
  if (options.x12 && options.enrolment === undefined)
    throw new CommandFault('--x12 says how the enrolment file is read: name that file with --enrolment.');
  const signal = interruptible();
  const load = async (node: OpenNode, rejects: RejectsWriter) => {
    const progress = progressReporter('import members');
    const none = (async function* () {})();
    const result = await importMembers(node.deps, {
      records: paths.length === 0 ? none : readImport(paths, { progress: (p) => progress.update(p), signal }),
      ...(options.enrolment === undefined ? {} : { enrolment: options.enrolment }),
      ...(options.x12 ? { x12: { memberRef: options.memberRef, lob: options.lineOfBusiness } } : {}),
      validate,
      ...(options.strict ? { strict: true } : {}),
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
          `None of ${told.read.others} Coverage records names this plan (NPI ${planNpi}, or ${planName}) as its payor: nobody is enrolled by them.`,
        ];
    }
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
