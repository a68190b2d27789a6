// The letter of a member's account, with what it needs of the store.
import type { Deps } from '../../../src/deps.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { accountFrom, type Disclosure } from './disclosures.ts';
import { disclosureLetter } from './letter.ts';

/** The account of a member as a letter. @param disclosures all of them */
export async function letterOf(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  memberId: string,
  disclosures: readonly Disclosure[],
): Promise<string> {
  const { planName: name, planNpi: npi, timeZone } = deps.config;
  const patients = await patientTexts(deps.database.sql, [memberId]);
  return disclosureLetter({
    plan: { name, npi },
    patient: patients.get(memberId),
    from: accountFrom(deps),
    today: localDay(deps.clock(), timeZone),
    timeZone,
    disclosures,
  });
}
