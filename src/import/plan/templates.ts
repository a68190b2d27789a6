// Empty tables to begin with.
import { PLAN_COLUMNS } from './plan-row.ts';
import { PROVIDER_COLUMNS } from './provider-row.ts';
import { cell } from './values.ts';

/** Header and example rows of the two tables. */
export function templates(): { name: string; lines: string[][] }[] {
  const example: Record<string, string>[] = [
    {
      npi: '9000000015',
      type: 'person',
      first_name: 'Ana',
      last_name: 'Example',
      credentials: 'MD',
      gender: 'female',
      languages: 'English; Spanish',
      specialties: 'heart doctor',
      organization_npi: '9000000023',
      location_name: 'Example Clinic',
      address_1: '7 Example Way',
      city: 'Hartford',
      state: 'CT',
      zip: '06103',
      latitude: '41.76',
      longitude: '-72.67',
      phone: '8605550100',
      hours: 'Mon-Fri 08:00-17:00; Sat 09:00-12:00',
      accessibility: 'wheelchair',
      accepting_new_patients: 'yes',
      telehealth: 'yes',
      networks: 'GOLD',
      starts: '2027-01-01',
    },
    {
      npi: '9000000023',
      type: 'group',
      name: 'Example Medical Group',
      specialties: '193200000X',
      address_1: '7 Example Way',
      city: 'Hartford',
      state: 'CT',
      zip: '06103',
      phone: '8605550100',
      networks: 'GOLD',
    },
  ];
  const plans: Record<string, string>[] = [
    {
      plan_id: 'H1234-001-000',
      plan_name: 'Example Gold HMO',
      product: 'mediadvhmo',
      year: '2027',
      network: 'GOLD',
      network_name: 'Example Gold Network',
      states: 'CT',
    },
  ];
  const table = (columns: readonly string[], rows: Record<string, string>[]) => [
    [...columns],
    ...rows.map((r) => columns.map((c) => cell(r, c))),
  ];
  return [
    { name: 'providers.csv', lines: table(PROVIDER_COLUMNS, example) },
    { name: 'plans.csv', lines: table(PLAN_COLUMNS, plans) },
  ];
}
