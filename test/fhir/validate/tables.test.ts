// The compiled table against a second source: the R4 typings of @types/fhir, made from HL7's definitions by others.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RESOURCE_TYPES, type Type, tableOf, typeOf } from '../../../src/fhir/validate/types.ts';

type Interface = {
  parent: string | undefined;
  members: Map<string, { optional: boolean; many: boolean; codes: string[] }>;
};

function interfaces(): Map<string, Interface> {
  const source = readFileSync(new URL('../../../node_modules/@types/fhir/r4.d.ts', import.meta.url), 'utf8');
  const found = new Map<string, Interface>();
  for (const [, name = '', parent, body = ''] of source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .matchAll(/^export interface (\w+)(?:<[^{]*?>)?(?: extends (\w+))? \{([\s\S]*?)^\}/gm)) {
    const members: Interface['members'] = new Map();
    for (const [, key = '', optional, type = ''] of body.matchAll(/^\s+(?:readonly )?(\w+)(\?)?: ([^;]+);/gm))
      members.set(key, {
        optional: optional === '?',
        many: /\[\]|Array</.test(type),
        codes: [...type.matchAll(/'([^']+)'/g)].map(([, code = '']) => code),
      });
    found.set(name, { parent, members });
  }
  return found;
}

// code lists that are not HL7's own
const LEFT_OUT = /^(Timing\.repeat\.(duration|period)Unit|ImplementationGuide\.license)$/;

const known = interfaces();

function membersOf(name: string): Interface['members'] {
  const own = known.get(name);
  if (!own) return new Map();
  return new Map([...(own.parent ? membersOf(own.parent) : []), ...own.members]);
}

/** Name of the typing for a type of the table: `Patient.contact` is `PatientContact`. */
const typing = (type: Type) => type.name.replace(/\.(\w)/g, (_, c: string) => c.toUpperCase());

test('all 146 resource types of R4 are there', () => {
  expect(RESOURCE_TYPES.size).toBe(146);
  const typed = [...known].filter(([, i]) => i.members.has('resourceType')).map(([name]) => name);
  // the abstract type, and an element that happens to have a member of this name
  const others = new Set(['Resource', 'ExampleScenarioInstance']);
  expect([...RESOURCE_TYPES].sort()).toEqual(typed.filter((name) => !others.has(name)).sort());
});

test('every type has the members that the typings have, and repeats where they repeat', () => {
  const due = [...RESOURCE_TYPES].map((name) => typeOf(name) as Type);
  const seen = new Set(due);
  const differences: string[] = [];
  let compared = 0;
  let coded = 0;
  for (let type = due.pop(); type; type = due.pop()) {
    for (const field of type.fields.values()) {
      if (field.primitive || field.type === 'Resource') continue;
      const next = tableOf(field);
      if (!seen.has(next)) due.push(next);
      seen.add(next);
    }
    const typed = membersOf(typing(type));
    if (typed.size === 0) {
      differences.push(`${type.name}: no typing`);
      continue;
    }
    if (type.isResource) typed.delete('resourceType');
    // the typings give it to the parts of data types too
    if (type.name.includes('.') && !RESOURCE_TYPES.has(type.name.split('.')[0] ?? ''))
      typed.delete('modifierExtension');
    typed.delete('_div'); // xhtml has no extensions in JSON
    for (const [key, field] of type.fields) {
      compared++;
      const member = typed.get(key);
      if (!member) differences.push(`${type.name}.${key}: not in the typings`);
      else if (member.many !== field.many) differences.push(`${type.name}.${key}: repeats differently`);
      else if (field.choice === 0 && !field.companion && member.optional !== (field.required === 0))
        differences.push(`${type.name}.${key}: mandatory in one of them`);
      else if (
        field.type === 'code' &&
        !LEFT_OUT.test(`${type.name}.${key}`) &&
        member.codes.length > 0 &&
        !field.companion
      ) {
        coded++;
        if (member.codes.sort().join() !== [...(field.codes ?? [])].sort().join())
          differences.push(`${type.name}.${key}: other codes ${member.codes.length} ${field.codes?.size}`);
      }
    }
    for (const key of typed.keys())
      if (!type.fields.has(key)) differences.push(`${type.name}.${key}: not in the table`);
  }
  expect(coded).toBeGreaterThan(200);
  expect(compared).toBeGreaterThan(9_000);
  expect(differences).toEqual([]);
});
