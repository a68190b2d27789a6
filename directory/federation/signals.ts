// Signals that an entry of our own directory may be a ghost, and what is due to be verified. A signal never deletes; it ranks
// records for the plan's staff, and no one else sees it. federation.md 11, 12.

import { allZipCentres } from '../../src/fhir/search/zip.ts';
import type { FederationDeps } from './client.ts';
import { companyName, personName } from './features.ts';
import {
  findSignals,
  measureAccuracy,
  type RegistryRow,
  replaceDeactivated,
  replaceRegistry,
  SIGNAL_NAMES,
  type SignalName,
  zipCentres,
} from './truth.ts';

export const SIGNALS: Readonly<Record<SignalName, { weight: number; text: string; caution: string }>> = {
  'npi-check-digit': { weight: 80, text: 'The NPI fails its check digit.', caution: 'Computed.' },
  'npi-deactivated': {
    weight: 90,
    text: 'The NPI is deactivated in the loaded list.',
    caution: 'Reactivations; only records older than the list are judged.',
  },
  'registry-deactivated': {
    weight: 90,
    text: 'The NPI is deactivated in the loaded extract of the registry.',
    caution: 'Reactivations; only records older than the extract are judged.',
  },
  'registry-unknown': {
    weight: 70,
    text: 'The NPI is not in the loaded extract of the registry.',
    caution: 'Only records older than the extract are judged: it must be a whole one.',
  },
  'registry-type': {
    weight: 60,
    text: 'The NPI of a person stands at an organization, or the other way round.',
    caution: '',
  },
  'registry-name': {
    weight: 40,
    text: 'The registry has another family name.',
    caution: 'Names change with marriage.',
  },
  'registry-state': {
    weight: 10,
    text: 'The registry has another state.',
    caution: 'Many practise in several states; addresses of the registry are weak evidence.',
  },
  'left-not-removed': {
    weight: 80,
    text: 'Its period ended a week ago, and it is still shown.',
    caution: 'A new contract may have been entered elsewhere.',
  },
  'far-places': {
    weight: 50,
    text: 'One person at more than ten places, more than a hundred miles apart.',
    caution: 'Telehealth; radiology and pathology are left out.',
  },
  'outside-zip': {
    weight: 40,
    text: 'The position is more than sixty miles from the middle of its ZIP code area.',
    caution: 'Some areas in the West and in Alaska are that large.',
  },
  'ended-elsewhere': {
    weight: 60,
    text: 'Another payer lists the person as ended.',
    caution: 'It may have ended there only.',
  },
  'shared-phone': {
    weight: 30,
    text: 'One phone for more than twenty organizations.',
    caution: 'Call centres of a group are normal.',
  },
  'phone-differs': {
    weight: 20,
    text: 'The same one has another phone in another directory.',
    caution: 'Either may be right.',
  },
  'address-differs': {
    weight: 20,
    text: 'The same one has another address in another directory.',
    caution: 'Both may be true: people practise at several places.',
  },
  'never-verified': {
    weight: 40,
    text: 'No successful verification is known.',
    caution: 'Verifications made elsewhere must be loaded.',
  },
  'verify-overdue': {
    weight: 50,
    text: 'The last verification is older than its limit: 90 days, facilities twelve months.',
    caution: '',
  },
  'verify-due': { weight: 10, text: 'Due to be verified within fourteen days.', caution: '' },
};

/** Looks for all signals and writes the measures of the day. @returns how many of each */
export async function lookForSignals(
  deps: Pick<FederationDeps, 'database' | 'clock'>,
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const now = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await zipCentres(tx, allZipCentres());
    for (const name of SIGNAL_NAMES) found[name] = await findSignals(tx, name, SIGNALS[name].weight, now);
    await measureAccuracy(tx, now);
  });
  return found;
}

/**
 * Loads the registry's list of deactivated NPIs: a table with the number in its first column and the day in its second.
 * @param asOf day of the list, YYYY-MM-DD
 * @returns rows taken
 */
export async function loadDeactivated(
  deps: Pick<FederationDeps, 'database'>,
  rows: Iterable<readonly string[]>,
  asOf: string,
): Promise<number> {
  const taken: { npi: string; since: string | null }[] = [];
  for (const [npi = '', day = ''] of rows) {
    if (!/^\d{10}$/.test(npi.trim())) continue;
    const us = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(day.trim());
    taken.push({
      npi: npi.trim(),
      since: us ? `${us[3]}-${us[1]}-${us[2]}` : /^\d{4}-\d\d-\d\d$/.test(day.trim()) ? day.trim() : null,
    });
  }
  await deps.database.sql.begin((tx) => replaceDeactivated(tx, taken, asOf));
  return taken.length;
}

/** A row of the registry's dissemination file, by the names of its columns. */
export type NppesRow = Readonly<Record<string, string | undefined>>;

/** What signals ask of a row; undefined when it has no number or kind. */
export function registryRow(row: NppesRow): RegistryRow | undefined {
  const at = (column: string) => (row[column] ?? '').trim();
  const npi = at('NPI');
  const kind = at('Entity Type Code');
  const off = at('NPI Deactivation Date');
  if (!/^\d{10}$/.test(npi)) return undefined;
  const us = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(off);
  const deactivated =
    off === '' || at('NPI Reactivation Date') !== '' ? undefined : us ? `${us[3]}-${us[1]}-${us[2]}` : '1900-01-01';
  // of a deactivated number the registry says nothing else
  if (kind !== '1' && kind !== '2' && deactivated === undefined) return undefined;
  const isOrganization = kind === '2';
  return {
    npi,
    type: isOrganization ? 5 : 7,
    name: isOrganization
      ? companyName(at('Provider Organization Name (Legal Business Name)'))
      : personName(at('Provider Last Name (Legal Name)')),
    state: at('Provider Business Practice Location Address State Name').toUpperCase().slice(0, 2),
    deactivated,
  };
}

/**
 * Loads an extract of the registry (NPPES), of any size, as it is read.
 * @param asOf day of the extract, YYYY-MM-DD
 * @returns rows taken and rows that are none
 */
export async function loadRegistry(
  deps: Pick<FederationDeps, 'database'>,
  rows: AsyncIterable<NppesRow>,
  asOf: string,
): Promise<{ taken: number; passed: number }> {
  const client = deps.database.dedicated('copy');
  let passed = 0;
  try {
    const taken = await replaceRegistry(
      client,
      (async function* () {
        for await (const row of rows) {
          const read = registryRow(row);
          if (read) yield read;
          else passed++;
        }
      })(),
      asOf,
    );
    return { taken, passed };
  } finally {
    await client.end({ timeout: 5 });
  }
}
