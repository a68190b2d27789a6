// Signals that an entry of our own directory may be a ghost, and what is due to be verified. A signal never deletes; it ranks
// records for the plan's staff, and nobody else sees it. federation.md 11, 12.
import type { FederationDeps } from './client.ts';
import { findSignals, measureAccuracy, replaceDeactivated, SIGNAL_NAMES, type SignalName } from './store/truth.ts';

export const SIGNALS: Readonly<Record<SignalName, { weight: number; text: string; caution: string }>> = {
  'npi-check-digit': { weight: 80, text: 'The NPI fails its check digit.', caution: 'Computed.' },
  'npi-deactivated': {
    weight: 90,
    text: 'The NPI is deactivated in the loaded list.',
    caution: 'Reactivations; only records older than the list are judged.',
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
