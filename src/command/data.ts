// The commands that move data: migrate, seed, import.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deleteLeftBehind, gone } from '../../directory/resource/left-behind.ts';
import { readResource } from '../../directory/resource/resource.ts';
import { type ImportEntry, importResources } from '../../directory/resource/resource-import.ts';
import { replaceTaxonomy, taxonomyCodes } from '../../directory/resource/taxonomy.ts';
import { readConfig } from '../config.ts';
import { migrate, planMigration } from '../db/migrate.ts';
import { parameterName } from '../fhir/search/parameters.ts';
import { validate } from '../fhir/validate/validate.ts';
import { networkId } from '../import/plan/build.ts';
import { readDirectoryFiles } from '../import/plan/read-plan-files.ts';
import { templates } from '../import/plan/templates.ts';
import { progressReporter } from '../import/progress.ts';
import type { Reject, RejectsWriter } from '../import/rejects-file.ts';
import { readTaxonomyFile } from '../import/taxonomy-file.ts';
import { EVERYBODYS, makeFolder } from '../make-folder.ts';
import { csvLine, runSeed } from '../seed/index.ts';
import { CommandFault } from './fault.ts';
import { interruptible, sayFindings, sayRejects, withRejects } from './importing.ts';
import { type OpenNode, openServer, withNode } from './node.ts';
import { say } from './say.ts';

/** Records of a generated member on both sides together, about. */
const RECORDS_A_MEMBER = 282;
const number = new Intl.NumberFormat('en-US');

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
