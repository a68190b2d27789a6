// People who care, PN/StructureDefinition/plannet-Practitioner.
import { NPI_SYSTEM } from '../../fhir/npi.ts';
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { FAMILY, FEMALE_GIVEN, MALE_GIVEN, OTHER_SCRIPTS } from '../names.ts';
import { inventedNpi } from '../npi.ts';
import { at, Draw, kindKey } from '../random.ts';
import { NUCC, SERVICE_KINDS, type Specialty, WEIGHTED_SPECIALTIES } from '../specialties.ts';
import {
  AS_OF,
  address,
  concept,
  extensionUrl,
  geolocation,
  identifier,
  meta,
  phone,
  planNet,
  position,
  USPS,
  V2_0203,
} from './elements.ts';
import { id, type Layout, reference } from './layout.ts';
import { organizationFacts } from './organization.ts';

const KIND = kindKey('practitioner');
const FACTS = kindKey('practitioner-facts');
const LANGUAGES = ['en', 'es', 'zh', 'ar', 'ru', 'de', 'fr', 'it', 'ja', 'ko', 'pl', 'pt', 'hi'] as const;
const PROFICIENCY = ['10', '20', '30', '40', '50'] as const;

/** What roles need to know of a person: what they do and the organization they mainly work for. */
export type PractitionerFacts = { specialty: Specialty; organization: number };

/** Indices into SERVICE_KINDS of organizations where people of a category work. */
const WORKPLACES: Record<string, readonly number[]> = {
  prov: [0, 1, 1, 2, 2],
  behav: [3, 3, 3, 1],
  dent: [7],
  vis: [10, 2],
  emerg: [12, 0, 5],
  hosp: [0],
  outpat: [2, 13, 9],
};

export function practitionerFacts(l: Layout, index: number): PractitionerFacts {
  const draw = new Draw(l.seed, FACTS, index);
  const specialty = draw.pick(WEIGHTED_SPECIALTIES);
  // big groups and small ones: the square prefers low numbers
  const near = Math.floor(l.organizations * draw.next() ** 2);
  // organizations of one kind lie SERVICE_KINDS.length apart
  const fitting = near - (near % SERVICE_KINDS.length) + draw.pick(WORKPLACES[specialty.category] ?? [1]);
  return { specialty, organization: fitting < l.organizations ? fitting : near };
}

function names(draw: Draw, index: number, specialty: Specialty): { gender: string; name: JsonObject[] } {
  const suffix = specialty.degree === '' ? [] : [specialty.degree === 'PHD' ? 'PhD' : specialty.degree];
  const withText = (name: { use: string; family: string; given: string[]; suffix?: string[] }) => ({
    ...name,
    text: [...name.given, name.family].join(' ') + (name.suffix?.length ? `, ${name.suffix.join(', ')}` : ''),
  });
  const titles = suffix.length > 0 ? { suffix } : {};
  if (index % 211 === 7) {
    const person = at(OTHER_SCRIPTS, Math.floor(index / 211));
    return {
      gender: person.gender,
      name: [
        withText({ use: 'official', family: person.latin.family, given: [person.latin.given], ...titles }),
        withText({ use: 'usual', family: person.family, given: [person.given] }),
      ],
    };
  }
  const roll = draw.next();
  const gender = roll < 0.52 ? 'female' : roll < 0.99 ? 'male' : 'other';
  const list = gender === 'female' ? FEMALE_GIVEN : MALE_GIVEN;
  const given = [draw.pick(list)];
  if (draw.chance(0.6)) given.push(draw.chance(0.5) ? draw.pick(list) : at(FAMILY, draw.int(20)).slice(0, 1));
  const family = draw.pick(FAMILY);
  const married = draw.chance(0.04) ? `${family}-${draw.pick(FAMILY)}` : family;
  const name = [withText({ use: 'official', family: married, given, ...titles })];
  if (draw.chance(0.03)) name.push(withText({ use: 'old', family: draw.pick(FAMILY), given }));
  return { gender, name };
}

export function practitioner(l: Layout, index: number): Resource {
  const { specialty, organization } = practitionerFacts(l, index);
  const { city } = organizationFacts(l, organization);
  const draw = new Draw(l.seed, KIND, index);
  const rich = index === 0;
  const { gender, name } = names(draw, index, specialty);
  const since = AS_OF - draw.between(400, 14_000);
  const valid = concept(USPS, city.state);
  const qualification: JsonObject[] = [
    {
      extension: [
        {
          url: extensionUrl('practitioner-qualification'),
          extension: [
            { url: 'status', valueCode: 'active' },
            { url: 'whereValid', valueCodeableConcept: valid },
          ],
        },
      ],
      identifier: [
        {
          type: concept(V2_0203, 'LN'),
          system: `https://license.example/sid/${city.state.toLowerCase()}`,
          value: `${city.state}${draw.digits(6)}`,
        },
      ],
      code: concept(NUCC, specialty.code, specialty.name),
      period: { start: isoDate(since) },
      issuer: rich ? reference('organization', organization) : { display: `${city.state} licensing board` },
    },
  ];
  if (specialty.degree !== '')
    qualification.push({ code: concept('http://terminology.hl7.org/CodeSystem/v2-0360', specialty.degree) });
  const communication: JsonObject[] = [];
  if (rich || draw.chance(0.35)) {
    const first = draw.int(LANGUAGES.length);
    for (let i = 0; i < (draw.chance(0.25) ? 2 : 1); i++)
      communication.push({
        extension: [
          {
            url: extensionUrl('communication-proficiency'),
            valueCodeableConcept: planNet('LanguageProficiencyCS', draw.pick(PROFICIENCY)),
          },
        ],
        ...concept('urn:ietf:bcp:47', at(LANGUAGES, first + i)),
      });
  }
  const withAddress = rich || draw.chance(0.5);
  return {
    resourceType: 'Practitioner',
    id: id.practitioner(index),
    meta: meta(draw, 'Practitioner'),
    ...(rich || draw.chance(0.1)
      ? { extension: [{ url: extensionUrl('practitioner-period'), valuePeriod: { start: isoDate(since) } }] }
      : {}),
    identifier: [identifier('NPI', NPI_SYSTEM, inventedNpi('practitioner', l.seed, index))],
    active: true,
    name,
    ...(rich || draw.chance(0.5)
      ? {
          telecom: [
            phone(draw, city.areaCode),
            { system: 'email', value: `practitioner-${index + 1}@mail.example`, use: 'work' },
          ],
        }
      : {}),
    ...(withAddress
      ? {
          address: [
            {
              ...(rich || draw.chance(0.3) ? { extension: [geolocation(position(draw, city))] } : {}),
              use: 'work',
              ...address(draw, city, true),
            },
          ],
        }
      : {}),
    gender,
    qualification,
    ...(communication.length > 0 ? { communication } : {}),
  };
}
