// What names a directory-type record wherever it comes from, beside its NPI: numbers of other registers, and name with
// address. Clinicians are not taken for one by name and address alone. Pure.
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { codings, type JsonObject, objects, type Resource, strings, text } from '../../src/fhir/resource.ts';
import { bare, codesOf, identifiers, words } from './codes.ts';

const addressesOf = (r: Resource): string[] =>
  objects(r['address']).flatMap((a) => {
    const line = words(strings(a['line']).join(' '));
    const zip = text(a['postalCode'])?.slice(0, 5) ?? '';
    return line === '' || zip === '' ? [] : [`${line}|${zip}`];
  });

/** OID of the numbers of employers (EIN), the tax numbers of practices. */
const EMPLOYERS = 'urn:oid:2.16.840.1.113883.4.4';
const OF_TAX = new Set(['TAX', 'EN']);
/** What is left of a clinician, or of a role, without numbers of whom the clinician works for: all who work there have them. */
function withoutEmployer(r: Resource): Resource {
  if (r.resourceType !== 'Practitioner' && r.resourceType !== 'PractitionerRole') return r;
  const isEmployers = (i: JsonObject): boolean =>
    text(i['system']) === EMPLOYERS || codings(i['type']).some((c) => OF_TAX.has(text(c['code']) ?? ''));
  return { ...r, identifier: objects(r['identifier']).filter((i) => !isEmployers(i)) };
}

/** `s:` a number that somebody gave it; `e:` name and place, or the drug. */
export function businessKeys(r: Resource): string[] {
  // an NPI is judged by its check digit, elsewhere; what everybody makes for himself names nothing
  const numbers = identifiers(withoutEmployer(r))
    .filter((i) => !i.startsWith(`${NPI_SYSTEM}|`) && !i.startsWith('urn:ietf:rfc:3986|'))
    .map((i) => `s:${i}`);
  const name = words(r['name']);
  switch (r.resourceType) {
    case 'Organization':
    case 'Location':
      if (name === '') return numbers;
      return [...numbers, ...addressesOf(r).map((a) => `e:${name}|${a}|${bare(r['type']).sort().join('+')}`)];
    case 'Practitioner': {
      const birth = text(r['birthDate']);
      const [n] = objects(r['name']);
      const person = words(`${strings(n?.['given']).join(' ')} ${text(n?.['family']) ?? ''}`);
      return birth === undefined || person === '' ? numbers : [...numbers, `e:${person}|${birth}`];
    }
    case 'Medication':
      return [...numbers, ...codesOf(r['code']).map((c) => `e:${c}`)];
    default:
      return numbers;
  }
}
