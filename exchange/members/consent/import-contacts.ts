// `members contacts`: what a mail house or the member portal reports back, as CSV: which member got which message when.
import type { Deps } from '../../../src/deps.ts';
import { parseInstant } from '../../../src/fhir/instant.ts';
import { type CsvRow, csvRows } from '../../../src/import/csv-rows.ts';
import { ImportFault } from '../../../src/import/reject.ts';
import { membersByNumber } from './choice-rows.ts';
import { isLanguage } from './education.ts';
import { CONTACT_KINDS, isChannel, recordContacts } from './record-choice.ts';

const CONTACT_COLUMNS = ['member_number', 'kind', 'at', 'channel', 'result', 'language'] as const;
const RESULTS = ['delivered', 'no-answer', 'returned'] as const;
const BATCH = 1000;

export type ContactFault = { line: number; reason: string };

/**
 * Records the contacts of a file. Rows that cannot be taken are returned with their lines; the others are taken. The same file
 * again adds nothing.
 * @param by the person who loads it
 * @throws ImportFault when the file cannot be read or a column is missing
 */
export async function importContacts(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  path: string,
  by: string,
): Promise<{ read: number; added: number; faults: ContactFault[] }> {
  const now = deps.clock();
  const faults: ContactFault[] = [];
  let read = 0;
  let isChecked = false;
  let added = 0;
  let batch: CsvRow[] = [];
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
      const language = values['language'] || 'en';
      const wrong = [
        memberId === undefined ? 'No single member has this member_number.' : '',
        Object.hasOwn(CONTACT_KINDS, kind) ? '' : `kind must be one of ${Object.keys(CONTACT_KINDS).join(', ')}.`,
        at === undefined ? 'at must be an instant with time zone, such as 2027-01-05T10:00:00-05:00.' : '',
        at !== undefined && at > now ? 'at lies in the future.' : '',
        isChannel(channel) ? '' : 'channel must be phone, mail, portal, in-person or email.',
        isLanguage(language) ? '' : 'language must be en or es.',
        (RESULTS as readonly string[]).includes(result) ? '' : `result must be one of ${RESULTS.join(', ')}.`,
      ].filter((w) => w !== '');
      if (wrong.length > 0 || memberId === undefined || at === undefined || !isLanguage(language)) {
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
          language,
        },
      ];
    });
    batch = [];
    if (good.length > 0)
      added += await recordContacts(deps, good, {
        kind: 'system',
        subject: `members contacts by ${by}`,
        requestId: '',
      });
  };
  for await (const row of csvRows(path)) {
    if (row.fault !== undefined) {
      read++;
      faults.push({ line: row.line, reason: row.fault });
      continue;
    }
    if (!isChecked) {
      const missing = ['member_number', 'kind', 'at', 'channel'].filter((c) => !(c in row.values));
      if (missing.length > 0)
        throw new ImportFault(
          `${path} has no column ${missing.join(', ')}. Its header must be: ${CONTACT_COLUMNS.join(',')}`,
        );
    }
    isChecked = true;
    read++;
    batch.push(row);
    if (batch.length >= BATCH) await take();
  }
  await take();
  return { read, added, faults };
}
