// What our own sources go on to say of a member who goes on as another (docs/decisions/022), as it is since then.
import { members, replaceReferences } from '../../../src/fhir/json-text.ts';
import { parseReference } from '../../../src/fhir/reference.ts';
import { type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';

/** Former ids with those that stay. */
export type Formers = ReadonlyMap<string, string>;

const LINKS = ['replaced-by', 'replaces'];

/** Text of a minified record with references to the Patients of former members, relative or under our own base, rewritten to those that stay. */
export function ledTo(json: string, formers: Formers, base: string): string {
  return replaceReferences(json, (reference) => {
    const r = parseReference(reference);
    const isOurs = r.kind === 'relative' || (r.kind === 'absolute' && r.base === base);
    const stays = isOurs && r.type === 'Patient' ? formers.get(r.id) : undefined;
    return stays === undefined ? undefined : `"reference":"Patient/${stays}"`;
  });
}

/**
 * A Patient as it is with who goes on as whom: one that goes on as another is not active, and says as which (FHIR R4,
 * Patient.link); that one says what it replaces. A link of ours that no longer holds goes, and who was set inactive by
 * it is active again. All else stays as it is written.
 * @param json minified
 */
export function withLinks(json: string, formers: Formers): string {
  const patient = JSON.parse(json) as JsonObject;
  const id = text(patient['id']) ?? '';
  const was = objects(patient['link']);
  const stays = formers.get(id);
  const links = [
    ...was.filter((l) => !LINKS.includes(text(l['type']) ?? '')),
    ...(stays === undefined ? [] : [{ other: { reference: `Patient/${stays}` }, type: 'replaced-by' }]),
    ...[...formers].flatMap(([from, to]) =>
      to === id ? [{ other: { reference: `Patient/${from}` }, type: 'replaces' }] : [],
    ),
  ];
  const wasReplaced = was.some((l) => l['type'] === 'replaced-by');
  const active = stays === undefined ? (wasReplaced ? true : patient['active']) : false;
  const kept = members(json).flatMap((m) =>
    m.key === 'active' || m.key === 'link' ? [] : [json.slice(m.start, m.end)],
  );
  const said = [
    ...(active === undefined ? [] : [`"active":${JSON.stringify(active)}`]),
    ...(links.length === 0 ? [] : [`"link":${JSON.stringify(links)}`]),
  ];
  return `{${[...kept, ...said].join(',')}}`;
}

/** A record of ours as it is with that. @param json its minified text */
export function asOnePerson(
  resource: Resource,
  json: string,
  formers: Formers,
  base: string,
): { resource: Resource; text: string } {
  if (formers.size === 0) return { resource, text: json };
  const id = text(resource['id']) ?? '';
  if (resource.resourceType === 'Patient') {
    if (!formers.has(id) && ![...formers.values()].includes(id)) return { resource, text: json };
    const linked = withLinks(json, formers);
    return { resource: JSON.parse(linked) as Resource, text: linked };
  }
  const led = ledTo(json, formers, base);
  return led === json ? { resource, text: json } : { resource: JSON.parse(led) as Resource, text: led };
}
