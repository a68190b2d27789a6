// The answer of $compare as a Parameters resource: one `field` part for each element, with the value, the rule that chose it and
// every source. docs/federation.md
import { formatInstant } from '../../../src/fhir/instant.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import type { Statement } from './choose.ts';
import type { Compared } from './compare.ts';

export function toParameters(compared: Compared): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'question', valueString: compared.question },
      { name: 'open-pairs', valueInteger: compared.openPairs },
      ...compared.groups.flatMap(({ place, fields }) =>
        fields.map(({ field, chosen }) => ({
          name: 'field',
          part: [
            { name: 'name', valueCode: field },
            ...(place === '' ? [] : [{ name: 'place', valueString: place }]),
            { name: 'rule', valueCode: chosen.rule },
            ...value('value', chosen.value),
            ...chosen.others.flatMap((other) => value('other', other)),
          ],
        })),
      ),
    ],
  };
}

const value = (name: string, statements: readonly Statement[]): JsonObject[] =>
  statements.length === 0
    ? []
    : [{ name, part: [{ name: 'text', valueString: statements[0]?.shown ?? '' }, ...statements.map(source)] }];

const source = (s: Statement): JsonObject => ({
  name: 'source',
  part: [
    { name: 'payer', valueString: s.payer },
    ...(s.peer === '' ? [] : [{ name: 'origin', valueCode: s.peer }]),
    { name: 'record', valueReference: { reference: s.record } },
    ...(s.source === null ? [] : [{ name: 'at', valueUrl: s.source }]),
    { name: 'content-changed', valueInstant: formatInstant(s.changedAt) },
    ...(s.verifiedAt ? [{ name: 'last-verified', valueInstant: formatInstant(s.verifiedAt) }] : []),
    ...(s.attestedAt ? [{ name: 'attested', valueInstant: formatInstant(s.attestedAt) }] : []),
  ],
});
