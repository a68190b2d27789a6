// `members contacts`: what a mail house or the member portal reports back, as CSV: which member got which message when.
import { createReadStream } from 'node:fs';
import { parse as parseCsv } from 'csv-parse';
import type { Deps } from '../../src/deps.ts';
import { parseInstant } from '../../src/fhir/instant.ts';
import { ImportFault } from '../../src/import/reject.ts';
import { membersByNumber } from '../store/member-choice.ts';
import { CONTACT_KINDS, isChannel, recordContacts } from './choose.ts';

export const CONTACT_COLUMNS = ['member_number', 'kind', 'at', 'channel', 'result', 'language'] as const;
const RESULTS = ['delivered', 'no-answer', 'returned'] as const;
const BATCH = 1000;

type Row = { line: number; values: Record<string, string> };
export type ContactFault = { line: number; reason: string };

/**
 * Records the contacts of a file. Rows that cannot be taken are returned with their lines; the others are taken. The same file
 * again adds nothing.
 * @throws ImportFault when a column is missing
 */
export async function importContacts(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  path: string,
): Promise<{ read: number; added: number; faults: ContactFault[] }> {
  const rows = createReadStream(path).pipe(
    parseCsv({ columns: true, bom: true, skip_empty_lines: true, trim: true, info: true }),
  ) as AsyncIterable<{ record: Record<string, string>; info: { lines: number } }>;
  const faults: ContactFault[] = [];
  let read = 0;
  let added = 0;
  let batch: Row[] = [];
  const take = async () => {
    const ids = await membersByNumber(
      deps.database.sql,
      batch.map((b) => b.values['member_number'] ?? ''),
    );
    const good = batch.flatMap(({ line, values }) => {
      const memberId = ids.get(values['member_number'] ?? '');
      const kind = values['kind'] ?? '';
      const at = parseInstant(values['at'] ?? '');
      const channel = values['channel'] ?? '';
      const result = (values['result'] ?? '') === '' ? 'delivered' : (values['result'] ?? '');
      const wrong = [
        memberId === undefined ? 'No single member has this member_number.' : '',
        Object.hasOwn(CONTACT_KINDS, kind) ? '' : `kind must be one of ${Object.keys(CONTACT_KINDS).join(', ')}.`,
        at === undefined ? 'at must be an instant with time zone, such as 2027-01-05T10:00:00-05:00.' : '',
        isChannel(channel) ? '' : 'channel must be phone, mail, portal, in-person or email.',
        (RESULTS as readonly string[]).includes(result) ? '' : `result must be one of ${RESULTS.join(', ')}.`,
      ].filter((w) => w !== '');
      if (wrong.length > 0 || memberId === undefined || at === undefined) {
        faults.push({ line, reason: wrong.join(' ') });
        return [];
      }
      return [
        {
          memberId,
          kind: kind as keyof typeof CONTACT_KINDS,
          at,
          channel,
          result: result as (typeof RESULTS)[number],
          language: values['language'] === 'es' ? ('es' as const) : ('en' as const),
        },
      ];
    });
    batch = [];
    if (good.length > 0)
      added += await recordContacts(deps, good, { kind: 'system', subject: 'members contacts', requestId: '' });
  };
  for await (const { record, info } of rows) {
    if (read === 0) {
      const missing = ['member_number', 'kind', 'at', 'channel'].filter((c) => !(c in record));
      if (missing.length > 0)
        throw new ImportFault(
          `${path} has no column ${missing.join(', ')}. Its header must be: ${CONTACT_COLUMNS.join(',')}`,
        );
    }
    read++;
    batch.push({ line: info.lines, values: record });
    if (batch.length >= BATCH) await take();
  }
  await take();
  return { read, added, faults };
}
