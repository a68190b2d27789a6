// The CSV of the Health Care Provider Taxonomy as NUCC publishes it (© American Medical Association): the operator's copy.
import { createReadStream } from 'node:fs';
import { parse as parseCsv } from 'csv-parse';
import { ImportFault } from './reject.ts';

/** Fewer codes than this are no whole list: loading it would make findings of good specialties. */
const LEAST_CODES = 500;
const CODE = /^[0-9A-Z]{9}X$/;

/**
 * Codes and their display names.
 * @throws ImportFault when it is no such list, or not a whole one
 */
export async function readTaxonomyFile(path: string): Promise<{ code: string; name: string }[]> {
  const source = createReadStream(path);
  const rows = parseCsv({ columns: true, bom: true, skip_empty_lines: true, relax_column_count: true, trim: true });
  source.on('error', (error) => rows.destroy(error));
  source.pipe(rows);
  const codes = new Map<string, string>();
  try {
    for await (const row of rows as AsyncIterable<Record<string, string>>) {
      const { Code: code = '', Classification: classification = '', Specialization: specialization = '' } = row;
      if (!CODE.test(code)) continue;
      const display = row['Display Name'] ?? '';
      codes.set(code, display === '' ? [classification, specialization].filter(Boolean).join(', ') : display);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ImportFault(code === 'ENOENT' ? `${path} is not there.` : `${path} is no readable CSV.`);
  }
  if (codes.size < LEAST_CODES)
    throw new ImportFault(
      `${path} holds ${codes.size} taxonomy codes in a column "Code"; the whole list has over ${LEAST_CODES}. Nothing was changed.`,
    );
  return [...codes].map(([code, name]) => ({ code, name }));
}
