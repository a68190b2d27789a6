import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../src/fhir/resource.ts';
import { RESOURCE_TYPES } from '../../../src/fhir/validate/types.ts';
import { type IssueCode, validate } from '../../../src/fhir/validate/validate.ts';
import { type Spot, sampleResource, spots } from './sample.ts';

const errors = (value: unknown) => validate(value).filter((i) => i.severity === 'error');
const codes = (value: unknown) => errors(value).map((i) => `${i.code} ${i.path}`);

const resources = fc
  .tuple(fc.constantFrom(...RESOURCE_TYPES), fc.infiniteStream(fc.nat()))
  .map(([type, numbers]) => sampleResource(type, (count) => (numbers.next().value ?? 0) % count));

describe('any valid resource', () => {
  test('of each type with only what is mandatory has no error', () => {
    for (const type of RESOURCE_TYPES) expect(codes(sampleResource(type, () => 1)), type).toEqual([]);
  });
  test('has no error', () => {
    fc.assert(
      fc.property(resources, (resource) => {
        expect(codes(resource)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('one change makes it invalid', () => {
  const changes: [string, (spot: Spot) => Json | undefined, IssueCode[], (spot: Spot) => boolean][] = [
    ['a mandatory element is removed', () => undefined, ['missing-element'], (s) => s.field.required !== 0],
    ['null', () => null, ['wrong-json-type', 'not-an-array'], () => true],
    ['an empty array', () => [], ['empty-element', 'not-repeating'], () => true],
    [
      'an empty object',
      () => ({}),
      ['empty-element', 'missing-element', 'wrong-json-type', 'not-an-array', 'missing-type', 'not-a-resource'],
      () => true,
    ],
    ['an array in place of one', (s) => [s.owner[s.key] ?? null], ['not-repeating'], (s) => !s.field.many],
    ['one in place of an array', (s) => (s.owner[s.key] as Json[])[0] ?? null, ['not-an-array'], (s) => s.field.many],
    ['an object for a primitive', () => ({ a: 1 }), ['wrong-json-type'], (s) => !s.field.many && !!s.field.primitive],
    [
      'text for an object',
      () => 'x',
      ['wrong-json-type', 'not-a-resource'],
      (s) => !s.field.many && s.field.primitive === undefined,
    ],
    ['a boolean for text', () => true, ['wrong-json-type'], (s) => !s.field.many && s.field.type === 'string'],
    ['empty text', () => '', ['empty-element'], (s) => !s.field.many && s.field.type === 'string'],
    [
      'a code that is in no set',
      () => 'no-such-code',
      ['code-not-in-set'],
      (s) => !s.field.many && s.field.type === 'code' && s.field.codes !== undefined,
    ],
  ];
  test.each(changes)('%s', (_, change, expected, applies) => {
    let broken = 0;
    fc.assert(
      fc.property(resources, fc.nat(), (resource, at) => {
        const all = spots(resource).filter(applies);
        const spot = all[at % Math.max(1, all.length)];
        if (!spot) return;
        broken++;
        const value = change(spot);
        if (value === undefined) delete spot.owner[spot.key];
        else spot.owner[spot.key] = value;
        const found = errors(resource);
        expect(found.filter((e) => expected.includes(e.code)).length, JSON.stringify(found)).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
    expect(broken).toBeGreaterThan(20);
  });

  test('an element that R4 does not know, anywhere', () => {
    fc.assert(
      fc.property(resources, fc.nat(), (resource, at) => {
        const owners = [resource, ...spots(resource).map((s) => s.owner)];
        const owner = owners[at % owners.length] ?? resource;
        owner['surprise'] = 1;
        expect(errors(resource).map((e) => e.code)).toEqual(['unknown-element']);
      }),
      { numRuns: 200 },
    );
  });

  test('any JSON at all is judged without a throw, and is not changed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...RESOURCE_TYPES), (json, type) => {
        const value: unknown =
          typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json, resourceType: type } : json;
        const before = JSON.stringify(value);
        validate(value, { profiles: 'plan-net' });
        expect(JSON.stringify(value)).toBe(before);
      }),
    );
  });
});

const patient = (more: JsonObject): JsonObject => ({ resourceType: 'Patient', id: 'p', ...more });

describe('single rules', () => {
  const extension = { url: 'http://example.org/e', valueCode: 'x' };
  test.each<[string, unknown, string[]]>([
    ['not an object', [1], ['not-a-resource ']],
    ['no type', { id: 'x' }, ['missing-type ']],
    ['a type of another release', { resourceType: 'SubscriptionStatus' }, ['unknown-type ']],
    ['a data type', { resourceType: 'HumanName', family: 'x' }, ['unknown-type ']],
    ['an abstract type', { resourceType: 'DomainResource' }, ['unknown-type ']],
    ['a property of Object', { resourceType: 'constructor' }, ['unknown-type ']],
    [
      'a member named like a property of Object',
      patient({ toString: 'x' } as never),
      ['unknown-element Patient.toString'],
    ],
    ['an id with a blank', patient({ id: 'a b' }), ['bad-id Patient.id']],
    ['an id of 65 characters', patient({ id: 'a'.repeat(65) }), ['bad-id Patient.id']],
    [
      'two values of a choice',
      patient({ deceasedBoolean: true, deceasedDateTime: '2020' }),
      ['several-choices Patient.deceasedDateTime'],
    ],
    ['a value and its extension', patient({ deceasedBoolean: true, _deceasedBoolean: { extension: [extension] } }), []],
    [
      'a value and the extension of another',
      patient({ deceasedBoolean: true, _deceasedDateTime: { extension: [extension] } }),
      ['several-choices Patient._deceasedDateTime'],
    ],
    [
      'only the extension of a mandatory primitive',
      {
        resourceType: 'Endpoint',
        _status: { extension: [extension] },
        connectionType: { code: 'x' },
        payloadType: [{ text: 'x' }],
        address: 'https://x.example',
      },
      [],
    ],
    ['an id beside a primitive', patient({ gender: 'male', _gender: { id: 'g1' } }), []],
    ['null padding', patient({ name: [{ given: ['a', null], _given: [null, { extension: [extension] }] }] }), []],
    [
      'null without a partner',
      patient({ name: [{ given: ['a', null] }] }),
      ['null-without-extension Patient.name[0].given[1]'],
    ],
    [
      'null on both sides',
      patient({ name: [{ given: [null], _given: [null] }] }),
      ['null-without-extension Patient.name[0].given[0]', 'null-without-extension Patient.name[0]._given[0]'],
    ],
    ['null among objects', patient({ name: [null] }), ['wrong-json-type Patient.name[0]']],
    ['an element with only an id', patient({ name: [{ id: 'x' }] }), ['empty-element Patient.name[0]']],
    ['a day that does not exist', patient({ birthDate: '2023-02-29' }), ['bad-format Patient.birthDate']],
    [
      'a time without zone',
      patient({ deceasedDateTime: '2023-02-28T10:00:00' }),
      ['bad-format Patient.deceasedDateTime'],
    ],
    [
      'a time without seconds',
      patient({ deceasedDateTime: '2023-02-28T10:00Z' }),
      ['bad-format Patient.deceasedDateTime'],
    ],
    ['a decimal for an integer', patient({ multipleBirthInteger: 1.5 }), ['bad-format Patient.multipleBirthInteger']],
    ['a code with two blanks', patient({ language: 'a  b' }), ['bad-format Patient.language']],
    [
      'an extension with value and extensions',
      patient({ extension: [{ ...extension, extension: [extension] }] }),
      ['ext-1 Patient.extension[0]'],
    ],
    [
      'an extension whose value has only extensions',
      patient({ extension: [{ url: 'http://x', _valueCode: { extension: [extension] } }] }),
      [],
    ],
    ['an extension with neither', patient({ extension: [{ url: 'http://x' }] }), ['ext-1 Patient.extension[0]']],
    [
      'an extension without url',
      patient({ extension: [{ valueCode: 'x' }] }),
      ['missing-element Patient.extension[0].url'],
    ],
    [
      'a nested extension with a fault',
      patient({ extension: [{ url: 'http://x', extension: [{ url: 'y', valueInteger: '1' }] }] }),
      ['wrong-json-type Patient.extension[0].extension[0].valueInteger'],
    ],
    [
      'a contained resource with a fault',
      patient({ contained: [{ resourceType: 'Organization', id: 'o', active: 'yes' }] }),
      ['wrong-json-type Patient.contained[0].active'],
    ],
    [
      'a Bundle entry with a fault',
      { resourceType: 'Bundle', type: 'collection', entry: [{ resource: patient({ gender: 'm' }) }] },
      ['code-not-in-set Bundle.entry[0].resource.gender'],
    ],
    [
      'a part of Parameters with a fault',
      {
        resourceType: 'Parameters',
        parameter: [{ name: 'a', part: [{ name: 'b', resource: { resourceType: 'Nothing' } }] }],
      },
      ['unknown-type Parameters.parameter[0].part[0].resource'],
    ],
    [
      'a required CodeableConcept with text only',
      { resourceType: 'AllergyIntolerance', patient: { reference: 'Patient/1' }, clinicalStatus: { text: 'active' } },
      ['code-not-in-set AllergyIntolerance.clinicalStatus'],
    ],
    [
      'base64 that is none',
      patient({ photo: [{ contentType: 'image/png', data: 'abc' }] }),
      ['bad-format Patient.photo[0].data'],
    ],
  ])('%s', (_, value, expected) => {
    expect(codes(value)).toEqual(expected);
  });

  test.each<[string, boolean]>([
    ['Organization/1', true],
    ['Organization/1/_history/2', true],
    ['https://a.example/fhir/Organization/1', true],
    ['https://a.example/anything', true],
    ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520', true],
    ['#', true],
    ['Organization?name=x', true],
    ['Organisation/1', false],
    ['Organization/', false],
    ['/Organization/1', false],
    ['Organization/1 2', false],
    ['1', false],
  ])('reference %s', (reference, valid) => {
    const found = codes(patient({ managingOrganization: { reference } }));
    expect(found).toEqual(valid ? [] : ['bad-reference Patient.managingOrganization.reference']);
  });

  test('nesting without end is an error, not a crash', () => {
    let value: JsonObject = { url: 'x', valueCode: 'x' };
    for (let i = 0; i < 5_000; i++) value = { url: 'x', extension: [value] };
    expect(errors(patient({ extension: [value] })).map((e) => e.code)).toEqual(['too-deep']);
  });

  test('at most 100 errors, and findings do not push them out', () => {
    const telecom = Array.from({ length: 300 }, () => ({ system: 'phone', value: '1' }));
    const found = validate({ resourceType: 'Organization', name: 'x', telecom, surprise: 1, type: telecom });
    expect(found.filter((i) => i.severity === 'error')).toHaveLength(100);
    expect(found.filter((i) => i.severity === 'finding')).toHaveLength(100);
    expect(found.some((i) => i.code === 'unknown-element')).toBe(true);
  });

  test('messages and paths repeat nothing from the content', () => {
    const secret = 'Jane Roe 1970';
    const found = validate(patient({ [secret]: secret, gender: secret, birthDate: secret, name: secret, id: secret }));
    expect(found.length).toBeGreaterThan(4);
    expect(JSON.stringify(found)).not.toContain('Roe');
  });
});

test('a number for text is a finding: what is meant is plain', () => {
  const found = validate({
    resourceType: 'Organization',
    identifier: [{ system: 'https://a.example', value: 12 }],
    name: 'A',
  });
  expect(found.map((i) => [i.severity, i.code, i.path])).toEqual([
    ['finding', 'number-as-string', 'Organization.identifier[0].value'],
  ]);
});
