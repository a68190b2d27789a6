// `harvest signals`: what may be wrong in our own directory.
import { createReadStream, readFileSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { parse as parseStream } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { loadDeactivated, loadRegistry, lookForSignals, type NppesRow } from '../../directory/federation/signals.ts';
import { CommandFault } from './fault.ts';
import { sayMerged } from './harvest.ts';
import { withNode } from './node.ts';
import { say } from './say.ts';

export type SignalOptions = { deactivated?: string; registry?: string; asOf?: string };

/** Looks for what may be wrong in our own directory, and measures it. */
export async function harvestSignals(options: SignalOptions): Promise<void> {
  const { deactivated, registry, asOf = '' } = options;
  if ((deactivated !== undefined || registry !== undefined) && !/^\d{4}-\d\d-\d\d$/.test(asOf))
    throw new CommandFault('Say of which day the file is: --as-of YYYY-MM-DD. An old one would find too much.');
  await withNode(async ({ deps }) => {
    if (deactivated !== undefined) {
      const rows = parse(readFileSync(deactivated, 'utf8'), { bom: true, relax_column_count: true }) as string[][];
      say(`${await loadDeactivated(deps, rows, asOf)} deactivated NPIs loaded.`);
    }
    if (registry !== undefined) {
      const { taken, passed } = await loadRegistry(deps, registryRows(registry), asOf);
      say(`${taken} NPIs of the registry loaded${passed === 0 ? '' : `, ${passed} rows passed over`}.`);
    }
    await sayMerged(deps);
    for (const [name, n] of Object.entries(await lookForSignals(deps))) say(`${String(n).padStart(8)} ${name}`);
  });
}

/** Rows of an extract, plain or gzip, as they are read: the whole registry is ten gigabytes. */
export async function* registryRows(path: string): AsyncGenerator<NppesRow> {
  const file = createReadStream(path);
  const table = parseStream({ columns: true, bom: true, relax_column_count: true, skip_empty_lines: true });
  const fail = (error: Error) => table.destroy(error);
  file.once('error', fail);
  if (/\.gz$/i.test(path)) file.pipe(createGunzip().once('error', fail)).pipe(table);
  else file.pipe(table);
  let first = true;
  try {
    for await (const row of table as AsyncIterable<NppesRow>) {
      if (first && (row['NPI'] === undefined || row['Entity Type Code'] === undefined))
        throw new CommandFault(`${path} is no extract of the registry: it has no columns NPI and Entity Type Code.`);
      first = false;
      yield row;
    }
  } catch (error) {
    if (error instanceof CommandFault) throw error;
    throw new CommandFault(`${path} cannot be read: ${error instanceof Error ? error.message : 'unknown'}.`, {
      cause: error,
    });
  }
  if (first) throw new CommandFault(`${path} has no rows.`);
}
