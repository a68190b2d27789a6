// The table of R4 types, compiled when a type is first met. https://hl7.org/fhir/R4/structuredefinition.html
import { PRIMITIVES, type Primitive } from './primitives.ts';
import r4 from './tables/r4.json' with { type: 'json' };

const TYPES: Readonly<Record<string, string>> = r4.types;

/** One JSON member that a type may have. Choice elements have a field per type (`valueString`, `valueCode`). */
export type Field = {
  /** the element's name in the definition, `value[x]` for a choice */
  element: string;
  many: boolean;
  /** one bit among the mandatory elements of the type, or 0 */
  required: number;
  /** one bit among the choice elements of the type, or 0 */
  choice: number;
  /** check of a primitive value; absent for complex types */
  primitive: Primitive | undefined;
  /** name of the type, `Resource` where any resource may stand */
  type: string;
  /** a member that begins with `_`: id and extensions of the primitive */
  companion: boolean;
  /** codes that a required binding allows; `system#code` for a CodeableConcept */
  codes: ReadonlySet<string> | undefined;
  /** resource types that a Reference may point to; undefined for any */
  targets: ReadonlySet<string> | undefined;
  /** the compiled type, filled at first use */
  table: Type | undefined;
};

export type Type = {
  name: string;
  fields: ReadonlyMap<string, Field>;
  /** all bits of mandatory elements */
  required: number;
  isResource: boolean;
};

const ABSTRACT = new Set(['Element', 'BackboneElement', 'Resource', 'DomainResource']);
const parentOf = (row: string) => row.slice(0, row.indexOf('|'));
const isResourceRow = (row: string) => /^(?:Domain)?Resource$/.test(parentOf(row));

/** Names of all concrete R4 resource types. */
export const RESOURCE_TYPES: ReadonlySet<string> = new Set(
  Object.keys(TYPES).filter((name) => !ABSTRACT.has(name) && isResourceRow(TYPES[name] ?? '')),
);

const TYPE_NAMES = new Set([
  ...PRIMITIVES.keys(),
  ...Object.keys(TYPES).filter((name) => !name.includes('.')),
  'SimpleQuantity',
  'MoneyQuantity',
]);
const LISTS: Readonly<Record<string, ReadonlySet<string>>> = {
  '@resource-types': new Set([...RESOURCE_TYPES, 'Resource', 'DomainResource']),
  '@defined-types': TYPE_NAMES,
  '@all-types': new Set([...TYPE_NAMES, 'Any', 'Type']),
};

const sets = new Map<string, ReadonlySet<string>>();
function codesOf(binding: string): ReadonlySet<string> {
  const list = LISTS[binding];
  if (list) return list;
  let set = sets.get(binding);
  if (!set) {
    set = new Set((r4.valueSets[Number(binding)] ?? '').split('|'));
    sets.set(binding, set);
  }
  return set;
}

const upperFirst = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

/** Bits run out at 31: no R4 type comes near, and a table that does must not be read wrongly. */
function bit(index: number): number {
  if (index > 30) throw new Error('too many mandatory or choice elements in a type');
  return 1 << index;
}

const compiled = new Map<string, Type>();

/** The compiled type of a name: a resource type, a data type or a backbone path (`Patient.contact`). */
export function typeOf(name: string): Type | undefined {
  const known = compiled.get(name);
  if (known) return known;
  const row = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (row === undefined) return undefined;
  const fields = new Map<string, Field>();
  let mandatory = 0;
  let choices = 0;
  const isResource = isResourceRow(row);
  for (const text of elementRows(row)) {
    const [element = '', card = '?', types = '', ...rest] = text.split(' ');
    const binding = rest.find((r) => r.startsWith('!'))?.slice(1);
    const targets = rest.find((r) => r.startsWith('>'))?.slice(1);
    const isChoice = element.endsWith('[x]');
    const required = card === '1' || card === '+' ? bit(mandatory++) : 0;
    const choice = isChoice ? bit(choices++) : 0;
    for (const type of types.split(',')) {
      const key = isChoice ? element.slice(0, -3) + upperFirst(type) : element;
      const real = isResource && key === 'id' ? 'id' : type.replace(/^#/, '');
      const primitive = PRIMITIVES.get(real);
      const field: Field = {
        element,
        many: card === '*' || card === '+',
        required,
        choice,
        primitive,
        type: real,
        companion: false,
        codes:
          binding === undefined || !/^(?:code|uri|string|CodeableConcept)$/.test(type) ? undefined : codesOf(binding),
        targets: targets === undefined || type !== 'Reference' ? undefined : new Set(targets.split(',')),
        table: undefined,
      };
      fields.set(key, field);
      if (primitive && real !== 'xhtml') fields.set(`_${key}`, { ...field, companion: true, type: 'Element' });
    }
  }
  const type: Type = { name, fields, required: bit(mandatory) - 1, isResource };
  compiled.set(name, type);
  return type;
}

/** Own and inherited elements of a row. */
function elementRows(row: string): string[] {
  const [parent = '', ...own] = row.split('|');
  return parent === '' ? own : [...elementRows(TYPES[parent] ?? ''), ...own];
}

/** The type of a field's complex values. */
export function tableOf(field: Field): Type {
  field.table ??= typeOf(field.type);
  if (!field.table) throw new Error(`the R4 table has no type ${field.type}`);
  return field.table;
}
