// The commands that move data: migrate, seed, import.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parameterName } from '../../src/fhir/search/parameters.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { interruptible, sayFindings, sayRejects, withRejects } from '../../src/import/import-progress.ts';
import { networkId } from '../../src/import/plan/build.ts';
import { readDirectoryFiles } from '../../src/import/plan/read-plan-files.ts';
import { templates } from '../../src/import/plan/templates.ts';
import { progressReporter } from '../../src/import/progress.ts';
import type { Reject, RejectsWriter } from '../../src/import/rejects-file.ts';
import { readTaxonomyFile } from '../../src/import/taxonomy-file.ts';
import { EVERYBODYS, makeFolder } from '../../src/make-folder.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { type OpenNode, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { csvLine } from '../../src/seed/index.ts';
import { deleteLeftBehind, gone } from '../resource/left-behind.ts';
import { readResource } from '../resource/resource.ts';
import { type ImportEntry, importResources } from '../resource/resource-import.ts';
import { replaceTaxonomy, taxonomyCodes } from '../resource/taxonomy.ts';

const number = new Intl.NumberFormat('en-US');

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

/** Loads the demo directory of the sandbox. */
export async function loadDemoDirectory(
  { deps, config }: OpenNode,
  entries: AsyncIterable<ImportEntry>,
): Promise<void> {
  await importResources(deps.database, entries, { base: `${config.baseUrl}/directory/fhir`, clock: deps.clock });
}
