// `harvest signals`: what may be wrong in our own directory.

import { openFile, ReadFault } from '../../src/import/bytes.ts';
import { csvRows } from '../../src/import/csv-rows.ts';
import { ImportFault, REJECTS } from '../../src/import/reject.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { loadDeactivated, loadRegistry, lookForSignals, type NppesRow } from '../federation/signals.ts';
import { sayMerged } from './harvest.ts';

export type SignalOptions = { deactivated?: string; registry?: string; asOf?: string };

/** Looks for what may be wrong in our own directory, and measures it. */
export async function harvestSignals(options: SignalOptions): Promise<void> {
  const { deactivated, registry, asOf = '' } = options;
  if ((deactivated !== undefined || registry !== undefined) && !/^\d{4}-\d\d-\d\d$/.test(asOf))
    throw new CommandFault('Say of which day the file is: --as-of YYYY-MM-DD. An old one would find too much.');
  await withNode(async ({ deps }) => {
    if (deactivated !== undefined) {
      say(`${await loadDeactivated(deps, await deactivatedRows(deactivated), asOf)} deactivated NPIs loaded.`);
    }
    if (registry !== undefined) {
      const { taken, passed } = await loadRegistry(deps, registryRows(registry), asOf);
      say(`${taken} NPIs of the registry loaded${passed === 0 ? '' : `, ${passed} rows passed over`}.`);
    }
    await sayMerged(deps);
    for (const [name, n] of Object.entries(await lookForSignals(deps))) say(`${String(n).padStart(8)} ${name}`);
  });
}

/** What stopped the reading, in a sentence. */
function unreadable(path: string, error: unknown): unknown {
  if (error instanceof CommandFault || !(error instanceof ReadFault || error instanceof ImportFault)) return error;
  const why = error instanceof ReadFault ? REJECTS[error.code] : error.message;
  return new CommandFault(`${path} cannot be read: ${why} Nothing was changed.`, { cause: error });
}

const NPI = /^\d{10}$/;

/**
 * Number and day of the list of deactivated NPIs, which begins with a title, with the names of its columns or with the first of them.
 * @throws CommandFault when it is no such list: an empty one would take the place of the one that is there
 */
export async function deactivatedRows(path: string): Promise<string[][]> {
  const rows: string[][] = [];
  try {
    const table = csvRows(path, {
      open: (file) => openFile(file).bytes,
      columns(first) {
        rows.push([...first]);
        return ['npi', 'day'];
      },
    });
    for await (const { line, values, fault } of table) {
      if (fault !== undefined) throw new CommandFault(`${path}, line ${line}: ${fault} Nothing was changed.`);
      rows.push([values['npi'] ?? '', values['day'] ?? '']);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  if (!rows.some(([npi = '']) => NPI.test(npi.trim())))
    throw new CommandFault(`${path} has no NPI in its first column. Nothing was changed.`);
  return rows;
}

/**
 * Rows of an extract, plain or gzip, as they are read: the whole registry is ten gigabytes. One that cannot be read is empty.
 * @throws CommandFault when it is no extract, or not whole
 */
export async function* registryRows(path: string): AsyncGenerator<NppesRow> {
  let first = true;
  const table = csvRows(path, {
    open: (file) => openFile(file).bytes,
    columns(header) {
      if (!header.includes('NPI') || !header.includes('Entity Type Code'))
        throw new CommandFault(`${path} is no extract of the registry: it has no columns NPI and Entity Type Code.`);
      return header;
    },
  });
  try {
    for await (const { line, values, fault, isCut } of table) {
      if (isCut)
        throw new CommandFault(`${path} cannot be read to its end, line ${line}: ${fault} Nothing was changed.`);
      first = false;
      yield values;
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  if (first) throw new CommandFault(`${path} has no rows.`);
}
