// One row of the parameter table, and the short forms in which rows are written.
import type { Path } from './path.ts';
import type { DirectoryType } from './types.ts';

type ParameterKind = 'token' | 'reference' | 'string' | 'date' | 'uri' | 'composite' | 'special';

/** Parameters whose values are read in a way of their own, each in criterion-special.ts. */
type Reading =
  | 'near'
  | 'near-zip'
  | 'place'
  | 'contains'
  | 'open-at'
  | 'active-on'
  | 'last-verified'
  | 'verification-status'
  | 'stale'
  | 'npi'
  | 'phone'
  | 'email'
  | 'telecom'
  | 'statement';
export type Modifier = 'exact' | 'contains' | 'missing' | 'not' | 'text' | 'ofType' | 'identifier' | 'type' | 'below';

export type Parameter = {
  /** type number × 100 + number of the parameter within the type */
  id: number;
  type: DirectoryType;
  code: string;
  kind: ParameterKind;
  /** where the values are; several paths are a union */
  paths: Path[];
  /** the paths as written, joined by ` | ` */
  expression: string;
  /** a token without system: a boolean or a code */
  plain: boolean;
  /** what a string parameter takes of a complex value, beside the parts that parameters of their own hold */
  parts: 'HumanName' | 'Address' | undefined;
  /** parameters whose entries a search by this one reads too, by code: `name` reads `family` and `given` */
  alsoReads: string[];
  targets: DirectoryType[];
  modifiers: Modifier[];
  /** parameters of the target that the guide lets a client chain to */
  chain: string[];
  definition: string;
  origin: 'SHALL' | 'guide' | 'extra';
  /** reads the entries of this parameter instead of having its own */
  alias?: 'npi' | 'date' | 'telecom';
  /** forgives: names by their words (docs/directory.md), specialties in plain words */
  like?: 'name' | 'specialty';
  /** how its values are read, when its kind does not say */
  reading?: Reading;
  /** the value that nearly all resources have: it is a mark in the resource's row, not an entry of the index */
  usual?: string;
  /** URIs that may name a version behind a bar: a query without one is met by all of them */
  canonical?: true;
  /** what a definition of ours tells beyond its expression */
  note?: string;
};

export type Draft = Partial<Parameter> & Pick<Parameter, 'code' | 'kind'> & { path: string };

const TEXT: Modifier[] = ['text', 'not', 'missing'];
/** Of tags, which are for systems and not for people. */
export const NO_TEXT: Modifier[] = ['not', 'missing'];
export const HUMAN_NAME: Partial<Parameter> = { parts: 'HumanName', alsoReads: ['family', 'given'] };
export const ADDRESS: Partial<Parameter> = {
  parts: 'Address',
  alsoReads: ['address-city', 'address-state', 'address-postalcode', 'address-country'],
};
export const token = (code: string, path: string, more: Partial<Parameter> = {}): Draft => ({
  code,
  kind: 'token',
  path,
  modifiers: TEXT,
  ...more,
});
export const plain = (code: string, path: string, more: Partial<Parameter> = {}): Draft =>
  token(code, path, { plain: true, ...more });
export const identifier = (more: Partial<Parameter> = {}): Draft =>
  token('identifier', 'identifier', { modifiers: [...TEXT, 'ofType'], ...more });
export const reference = (
  code: string,
  path: string,
  target: DirectoryType | DirectoryType[],
  chain = '',
  more: Partial<Parameter> = {},
) =>
  ({
    code,
    kind: 'reference',
    path,
    targets: Array.isArray(target) ? target : [target],
    modifiers: ['missing', 'identifier', 'type'],
    chain: chain === '' ? [] : chain.split(' '),
    ...more,
  }) satisfies Draft;
export const string = (code: string, path: string, more: Partial<Parameter> = {}): Draft => ({
  code,
  kind: 'string',
  path,
  modifiers: ['exact', 'contains', 'missing'],
  ...more,
});
export const date = (code: string, path: string, more: Partial<Parameter> = {}): Draft => ({
  code,
  kind: 'date',
  path,
  modifiers: ['missing'],
  origin: 'guide',
  ...more,
});
export const core = (name: string): Partial<Parameter> => ({
  origin: 'extra',
  definition: `http://hl7.org/fhir/SearchParameter/${name}`,
});
export const ndh = (name: string): Partial<Parameter> => ({
  origin: 'extra',
  definition: `http://hl7.org/fhir/us/ndh/SearchParameter/${name}`,
});
/** Definitions of our own are named under the base of the node. */
export const own = (name: string): Partial<Parameter> => ({ origin: 'extra', definition: `SearchParameter/${name}` });
export const address = (type: string, first: number): Record<number, Draft> =>
  Object.fromEntries(
    ['city', 'state', 'postalcode', 'country'].map((part, i) => [
      first + i,
      string(
        `address-${part}`,
        `address.${part === 'postalcode' ? 'postalCode' : part}`,
        core(`${type}-address-${part}`),
      ),
    ]),
  );
export const npi = (type: string): Draft =>
  token('npi', 'identifier', { modifiers: ['missing'], alias: 'npi', ...own(`${type}-npi`) });

/** The longest prefix of a string that is indexed. Longer values are cut; a query that long finds by the cut value. */
export const MAX_WORD = 400;
