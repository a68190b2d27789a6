// What our directory says of a provider, piece by piece, so that each can be called right or wrong.
import { Outcome } from '../../../src/fhir/outcome.ts';
import { objects, type Resource } from '../../../src/fhir/resource.ts';
import { keyOf } from '../../in-network/decide.ts';
import { activeOn, keysIn, nameOf, networksOf, newPatientsOf } from '../../in-network/evidence.ts';
import type { PageData } from '../../pages/data.ts';
import type { Language } from '../../pages/language.ts';
import { addressLines, conceptTexts, contactsOf, hoursOf, languagesOf, npiOf } from '../../pages/records.ts';

/** One record that is attested, in rows of name and value. */
export type Piece = { key: string; title: string; rows: [string, string][] };

const MOST = '100';

/** The entry itself first, then its roles or places. Undefined when it is not there any more. */
export async function piecesOf(data: PageData, l: Language, key: string): Promise<Piece[] | undefined> {
  let entry: Resource;
  try {
    entry = await data.read(key);
  } catch (error) {
    if (error instanceof Outcome && (error.status === 404 || error.status === 410)) return undefined;
    throw error;
  }
  const further = entry.resourceType === 'Practitioner' ? await rolesOf(data, l, key) : await placesOf(data, l, key);
  return [{ key, title: nameOf(entry) || key, rows: own(entry, l) }, ...further];
}

const filled = (rows: [string, string | undefined][]): [string, string][] =>
  rows.filter((r): r is [string, string] => r[1] !== undefined && r[1] !== '');

function own(entry: Resource, l: Language): [string, string][] {
  return filled([
    ['Name', nameOf(entry)],
    ['NPI', npiOf(entry)],
    [
      'Address',
      objects(entry['address'])
        .map((a) => addressLines(a).join(', '))
        .join('; '),
    ],
    [
      'Contact',
      contactsOf(entry)
        .map((c) => c.value)
        .join(', '),
    ],
    ['Languages', l.list(languagesOf(entry, l))],
  ]);
}

async function rolesOf(data: PageData, l: Language, key: string): Promise<Piece[]> {
  const found = await data.search('PractitionerRole', [
    ['practitioner', key],
    ['_include', 'PractitionerRole:location'],
    ['_include', 'PractitionerRole:organization'],
    ['_include', 'PractitionerRole:network'],
    ['_count', MOST],
  ]);
  const today = data.clock().toISOString().slice(0, 10);
  return found.hits
    .map((h) => h.resource)
    .filter((role) => activeOn(role, today) !== 'ended')
    .map((role) => {
      const at = (element: string) => keysIn(role[element], data.base).flatMap((k) => found.all.get(k) ?? []);
      const places = at('location');
      const networks = networksOf(role, data.base);
      const accepting = [...new Set([...networks, ''].map((n) => l.term(newPatientsOf(role, n, data.base)?.code)))];
      return {
        key: keyOf(role),
        title: nameOf(places[0] ?? at('organization')[0] ?? role) || keyOf(role),
        rows: filled([
          ['Organization', at('organization').map(nameOf).join(', ')],
          ['Address', places.map((p) => addressLines(objects(p['address'])[0]).join(', ')).join('; ')],
          [
            'Contact',
            contactsOf(role)
              .map((c) => c.value)
              .join(', '),
          ],
          ['Specialties', l.list(conceptTexts(role['specialty'], l))],
          ['Networks', networks.map((n) => nameOf(found.all.get(n) ?? { resourceType: 'Organization' })).join(', ')],
          ['New patients', accepting.filter((x) => x !== undefined).join(', ')],
          ['Hours', hoursOf(role, l).join('; ')],
        ]),
      };
    });
}

async function placesOf(data: PageData, l: Language, key: string): Promise<Piece[]> {
  const found = await data.search('Location', [
    ['organization', key],
    ['_count', MOST],
  ]);
  return found.hits.map(({ resource: place }) => ({
    key: keyOf(place),
    title: nameOf(place) || keyOf(place),
    rows: filled([
      ['Address', addressLines(objects(place['address'])[0]).join(', ')],
      [
        'Contact',
        contactsOf(place)
          .map((c) => c.value)
          .join(', '),
      ],
      ['Hours', hoursOf(place, l).join('; ')],
    ]),
  }));
}
