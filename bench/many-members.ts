// Members by the million: rows of the tables that matching reads, made inside the database, and the questions that ask for
// them. What a person is called follows from its number, here and there by the same arithmetic.
import type { Sql } from '../src/db/database.ts';

const GIVEN =
  'maria james linda robert susan david karen thomas nancy daniel laura peter helen victor diana oscar'.split(' ');
const SYLLABLES = 'bar ken lo mi sor ta vel win dar ros gan hol per ste mor fin'.split(' ');

/** Person `i` as its own card tells. */
export function person(i: number): { family: string; given: string; born: string; number: string; subscriber: string } {
  const n = SYLLABLES.length;
  const syllable = (k: number) => SYLLABLES[k % n] ?? '';
  const at = Math.floor(i / GIVEN.length);
  return {
    family: syllable(at) + syllable(Math.floor(at / n)) + syllable(Math.floor(at / n / n)),
    given: GIVEN[i % GIVEN.length] ?? '',
    born: new Date(Date.UTC(1930, 0, 1) + ((i * 7919) % 30_000) * 86_400_000).toISOString().slice(0, 10),
    number: `OH${String(i).padStart(9, '0')}`,
    subscriber: `S${String(Math.floor(i / 3)).padStart(9, '0')}`,
  };
}

const SLICE = 1_000_000;
const list = (words: readonly string[]) => `'{${words.join(',')}}'::text[]`;

/** Fills members, profiles and tokens. The indexes of the large table are built at its end, as an operator would load. */
export async function fillMembers(sql: Sql, size: number, note: (text: string) => void): Promise<void> {
  const n = SYLLABLES.length;
  const g = GIVEN.length;
  const syllable = (k: string) => `(${list(SYLLABLES)})[(${k}) % ${n} + 1]`;
  const people = (from: number, to: number) => `
    select i, md5('member' || i)::uuid::text as id, md5('umb' || i) as umb,
      ${syllable(`i / ${g}`)} || ${syllable(`i / ${g * n}`)} || ${syllable(`i / ${g * n * n}`)} as family,
      (${list(GIVEN)})[i % ${g} + 1] as given, (date '1930-01-01' + ((i::bigint * 7919) % 30000)::int)::text as born,
      'OH' || lpad(i::text, 9, '0') as number, 'S' || lpad((i / 3)::text, 9, '0') as subscriber
    from generate_series(${from}, ${to}) i`;
  // its upkeep would otherwise run beside what is measured, on tables that are vacuumed below
  const upkeep = (set: string) =>
    sql.unsafe(['member', 'member_profile', 'member_token'].map((t) => `alter table exchange.${t} ${set}`).join(';'));
  await upkeep('set (autovacuum_enabled = false)');
  await sql.unsafe(`alter table exchange.member_token drop constraint member_token_pkey; drop index exchange.member_token_member;
    alter table exchange.member_profile drop constraint member_profile_member_id_fkey`);
  for (let from = 0; from < size; from += SLICE) {
    const rows = people(from, Math.min(size, from + SLICE) - 1);
    await sql.unsafe(`insert into exchange.member (id, umb) select id, umb from (${rows}) p`);
    await sql.unsafe(`insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb)
      select id, array[family], array[given], '{}', array[born], array[number], array[subscriber], '{}', array[upper(umb)] from (${rows}) p`);
    await sql.unsafe(`insert into exchange.member_token (kind, hash, member_id)
      select k, hashtextextended(t, k), id from (${rows}) p cross join lateral (values (1::smallint, number), (2::smallint, subscriber),
        (3::smallint, born || '|' || family), (4::smallint, born || '|' || given), (8::smallint, upper(umb))) v(k, t)`);
    if (size > SLICE) note(`${Math.min(size, from + SLICE)} members`);
  }
  await sql.unsafe(`set maintenance_work_mem = '1GB'`);
  await sql.unsafe(
    'alter table exchange.member_token add constraint member_token_pkey primary key (kind, hash, member_id)',
  );
  await sql.unsafe('create index member_token_member on exchange.member_token (member_id)');
  await sql.unsafe(
    `alter table exchange.member_profile add constraint member_profile_member_id_fkey foreign key (member_id) references exchange.member`,
  );
  await sql.unsafe('vacuum analyze exchange.member, exchange.member_profile, exchange.member_token');
  await upkeep('reset (autovacuum_enabled)');
  await sql.unsafe('checkpoint');
}

const coding = (system: string, code: string) => ({ coding: [{ system, code }] });
const payer = (p: Payer) => ({
  identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: p.npi },
  display: p.name,
});
type Payer = { npi: string; name: string };

/** The parts of a question for person `i`, as a peer sends them: HRex 1.2. */
export function questionFor(i: number, us: Payer, asker: Payer): { name: string; resource: object }[] {
  const p = person(i);
  const year = new Date().getUTCFullYear();
  const id = `m-${i}`;
  const coverage = (more: object, payor: Payer) => ({
    resourceType: 'Coverage',
    id: `c-${i}`,
    status: 'active',
    ...more,
    beneficiary: { reference: `Patient/${id}` },
    relationship: coding('http://terminology.hl7.org/CodeSystem/subscriber-relationship', 'self'),
    payor: [payer(payor)],
  });
  const memberId = [{ type: coding('http://terminology.hl7.org/CodeSystem/v2-0203', 'MB'), value: p.number }];
  const actor = (system: string, code: string, reference: object) => ({ role: coding(system, code), reference });
  return [
    {
      name: 'MemberPatient',
      resource: {
        resourceType: 'Patient',
        id,
        name: [{ use: 'official', family: p.family, given: [p.given] }],
        gender: 'unknown',
        birthDate: p.born,
      },
    },
    { name: 'CoverageToMatch', resource: coverage({ identifier: memberId, subscriberId: p.subscriber }, us) },
    {
      name: 'CoverageToLink',
      resource: coverage({ subscriberId: `N${i}`, period: { start: `${year}-01-01` } }, asker),
    },
    {
      name: 'Consent',
      resource: {
        resourceType: 'Consent',
        id: `consent-${i}`,
        status: 'active',
        scope: coding('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
        category: [coding('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'IDSCL')],
        patient: { reference: `Patient/${id}` },
        performer: [{ reference: `Patient/${id}` }],
        sourceReference: { reference: `https://new-payer.example/fhir/DocumentReference/optin-${i}` },
        policy: [{ uri: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular' }],
        provision: {
          type: 'permit',
          period: { start: `${year}-01-01`, end: `${year + 1}-12-31` },
          actor: [
            actor('http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'performer', payer(us)),
            actor('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP', payer(asker)),
          ],
          action: [coding('http://terminology.hl7.org/CodeSystem/consentaction', 'disclose')],
        },
      },
    },
  ];
}
