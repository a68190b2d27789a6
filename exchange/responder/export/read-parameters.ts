// The parameters of an export: a query, or a Parameters resource, mapped to what the export runs. Everything that is not
// understood is an error unless the client is lenient, and a filter is never ignored where payer-to-payer forbids it.
import type { Context } from 'hono';
import { parseInstant } from '../../../src/fhir/instant.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { referenceId } from '../../../src/fhir/reference.ts';
import { isObject, isResource, objects, text } from '../../../src/fhir/resource.ts';
import { splitFilters } from '../../../src/fhir/search/export-request.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import { checkAccepts } from '../../../src/http/negotiate.ts';
import { EXPORT_ORDER } from '../../records/facts/record-types.ts';
import { isFhirJson } from '../prefer.ts';
import { fhirText, strictJson } from '../request-body.ts';
import { ELEMENT } from './elements.ts';
import type { ExportOperation, ExportParameters } from './export-parameters.ts';
import { FilterFault, readTypeFilters } from './type-filter.ts';

const PAYER_TO_PAYER = 'hl7.fhir.us.davinci-pdex#payertopayer';
const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const MAX_BODY = 1024 * 1024;
const MAX_PARAMETERS = 10_000;
const MAX_PATIENTS = 5000;
const MAX_FILE = 100 * 1024 * 1024;
/** Files of a record each would be half a million for ten thousand members. */
const LEAST_MAXIMUM = 64 * 1024;
/** Stands for a Patient of another server; no member has this id. */
const ELSEWHERE = '-'.repeat(65);
/** Parameters that have one value. */
const ONCE = new Set([
  '_since',
  '_until',
  '_outputFormat',
  'exportType',
  'allowPartialManifests',
  'organizeOutputBy',
  '_minimumFileSize',
  '_maximumFileSize',
]);

/** A plus in their values means itself, as many clients write it; in a query it would be a blank. */
const PLUS = new Set(['_since', '_until', '_outputFormat']);

/** Neither NUL nor half a character, which the database cannot hold. */
const isText = (value: string): boolean => value.isWellFormed() && !value.includes('\0');

export type Given = { name: string; value: string }[];

/** Of every FHIR request, and of no operation: clients add them to whatever they ask. https://hl7.org/fhir/R4/http.html#parameters */
const GENERAL = new Set(['_format', '_pretty']);

/** @throws Outcome not-acceptable for a `_format` that we do not speak */
function ofQuery(c: Context<FhirEnv>): Given {
  checkAccepts(undefined, c.req.query('_format'));
  const pairs = [...new URL(c.req.url).searchParams].filter(([name]) => !GENERAL.has(name));
  return pairs.map(([name, value]) => {
    if (!isText(value)) throw invalid('A parameter holds characters that are no text.');
    return { name, value: PLUS.has(name) ? value.replace(' ', '+') : value };
  });
}

/** Name and value of each parameter, from a query or from a body. */
export async function givenParameters(c: Context<FhirEnv>): Promise<Given> {
  const query = ofQuery(c);
  if (c.req.method === 'GET') return query;
  const body = await fhirText(c, MAX_BODY);
  // clients there are send a POST whose parameters stand in its address; beside a body one of the two would be ignored,
  // and with it a filter
  if (body.trim() === '') return query;
  if (query.length > 0)
    throw new Outcome('unknown-parameter', 'Send the parameters of a POST in its body or in the query, not in both.');
  if (!isFhirJson(c.req.header('content-type'))) throw new Outcome('unsupported-media-type');
  const json = strictJson(body);
  if (!isResource(json) || json.resourceType !== 'Parameters') throw invalid('The body must be a Parameters resource.');
  const list = objects(json['parameter']);
  if (json['parameter'] !== undefined && (!Array.isArray(json['parameter']) || list.length < json['parameter'].length))
    throw invalid('Each parameter needs a name and a value.');
  if (list.length > MAX_PARAMETERS)
    throw new Outcome('too-large', `At most ${MAX_PARAMETERS} parameters are possible.`);
  return list.map((p) => {
    const name = text(p['name']);
    const [value, another] = Object.entries(p).flatMap(([key, v]) => (/^value[A-Z]/.test(key) ? [v] : []));
    // one of two would be ignored
    if (another !== undefined) throw invalid('A parameter has one value.');
    const written = isObject(value)
      ? (text(value['reference']) ?? text(value['code']))
      : value === undefined || Array.isArray(value)
        ? undefined
        : String(value);
    if (name === undefined || written === undefined) throw invalid('Each parameter needs a name and a value.');
    if (!isText(written)) throw invalid('A parameter holds characters that are no text.');
    return { name, value: written };
  });
}

type How = { operation: ExportOperation; method: string; lenient: boolean; now: Date; base: string };
type Draft = ExportParameters & { notes: string[]; exportType?: string; associated?: string[] };
type Reader = (value: string, draft: Draft, how: How) => void;

const invalid = (text: string) => new Outcome('invalid-parameter', text);
const unsupported = (text: string) => new Outcome('unknown-parameter', text);
/** A name that was sent, to be reported again when it can be nothing but a name. */
const named = (name: string, otherwise: string): string => (/^[A-Za-z_-]{1,40}$/.test(name) ? name : otherwise);

/** Several values: a comma list, or in the fourth edition repeated parameters only. */
function several(value: string, how: How): string[] {
  if (how.operation === 'export-v4' && value.includes(','))
    throw invalid('A list with commas is not possible here: repeat the parameter.');
  return value
    .split(',')
    .map((v) => v.trim())
    .filter(Boolean);
}

function instant(value: string, name: string, now: Date): string {
  const at = parseInstant(value);
  if (!at || at.getUTCFullYear() < 1900 || at.getUTCFullYear() > 9998)
    throw invalid(`${name} must be an instant, such as 2027-01-31T00:00:00Z.`);
  if (name === '_since' && at > now) throw invalid('_since must not be in the future.');
  return at.toISOString();
}

/** Sizes of files are a wish of the fourth edition; more than a hundred mebibytes is not given. Undefined where it was ignored. */
function fileSize(value: string, name: string, draft: Draft, how: How): number | undefined {
  if (how.operation !== 'export-v4') {
    if (!how.lenient) throw unsupported('The size of files is a parameter of $export-v4.');
    draft.notes.push(`${name} is a parameter of $export-v4 and was ignored.`);
    return undefined;
  }
  if (!/^[1-9]\d{0,11}$/.test(value)) throw invalid('The size of a file is a number of bytes.');
  return Math.min(Number(value), MAX_FILE);
}

const READERS: Readonly<Record<string, Reader>> = {
  _type(value, draft, how) {
    draft.types ??= [];
    for (const type of several(value, how)) {
      if (EXPORT_ORDER.includes(type)) draft.types.push(type);
      else if (how.lenient) draft.notes.push(`${named(type, 'A type')} is not exported and was ignored.`);
      else throw invalid(`_type: ${named(type, 'a type')} is not exported. metadata lists the types.`);
    }
  },
  _since(value, draft, how) {
    draft.since = instant(value, '_since', how.now);
  },
  _until(value, draft, how) {
    draft.until = instant(value, '_until', how.now);
  },
  _outputFormat(value) {
    if (!FORMATS.has(value.toLowerCase())) throw unsupported('_outputFormat must be application/fhir+ndjson.');
  },
  _elements(value, draft, how) {
    const elements = several(value, how);
    if (elements.length === 0 || elements.some((e) => !ELEMENT.test(e)))
      throw invalid('_elements names root elements, with or without a type before them.');
    draft.elements = [...(draft.elements ?? []), ...elements];
  },
  _typeFilter(value, draft, how) {
    try {
      const filters = how.operation === 'export-v4' ? [value] : splitFilters(value);
      readTypeFilters([...(draft.filters ?? []), ...filters]);
      draft.filters = [...(draft.filters ?? []), ...filters];
    } catch (error) {
      if (!(error instanceof FilterFault)) throw error;
      if (!how.lenient || how.operation === 'davinci-data-export') throw unsupported(error.message);
      draft.notes.push('A _typeFilter that is not supported was ignored.');
    }
  },
  includeAssociatedData(value, draft, how) {
    for (const code of several(value, how)) {
      if (code !== 'LatestProvenanceResources' && code !== 'RelevantProvenanceResources') {
        if (!how.lenient)
          throw unsupported('includeAssociatedData is LatestProvenanceResources or RelevantProvenanceResources.');
        draft.notes.push('An unknown value of includeAssociatedData was ignored.');
      } else draft.associated = [...(draft.associated ?? []), code];
    }
  },
  allowPartialManifests(value, draft) {
    if (value !== 'true' && value !== 'false') throw invalid('allowPartialManifests is true or false.');
    draft.partial = value === 'true';
  },
  organizeOutputBy(value, draft) {
    if (value !== 'Patient') throw invalid('organizeOutputBy is Patient.');
    draft.byPatient = true;
  },
  _minimumFileSize(value, draft, how) {
    const size = fileSize(value, '_minimumFileSize', draft, how);
    if (size !== undefined) draft.minimumFileSize = size;
  },
  _maximumFileSize(value, draft, how) {
    const size = fileSize(value, '_maximumFileSize', draft, how);
    if (size === undefined) return;
    if (size < LEAST_MAXIMUM) throw invalid(`_maximumFileSize must be at least ${LEAST_MAXIMUM}.`);
    draft.maximumFileSize = size;
  },
  patient(value, draft, how) {
    if (how.method === 'GET' && how.operation !== 'davinci-data-export')
      throw unsupported('patient is a parameter of POST.');
    const ids = how.method === 'GET' ? several(value, how) : [value];
    const patients = draft.patients ?? [];
    for (const id of ids) {
      if (referenceId(id, 'Patient') === undefined) throw invalid('patient must be a reference to a Patient.');
      patients.push(referenceId(id, 'Patient', how.base) ?? ELSEWHERE);
    }
    draft.patients = patients;
    if (patients.length > MAX_PATIENTS) throw new Outcome('too-large', `At most ${MAX_PATIENTS} patients.`);
  },
};

/** Parameters as the export runs them; patients as they were asked for. */
export function readExportParameters(given: Given, how: How): ExportParameters {
  const draft: Draft = { operation: how.operation, notes: [] };
  const once = new Set<string>();
  for (const { name, value } of given) {
    if (ONCE.has(name) && once.has(name)) throw invalid(`${name} can be given once.`);
    once.add(name);
    if (name === 'exportType' && how.operation === 'davinci-data-export') {
      draft.exportType = value;
      if (value !== PAYER_TO_PAYER)
        throw unsupported(`exportType must be ${PAYER_TO_PAYER} (in an address, # is written as %23).`);
      continue;
    }
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (read) read(value, draft, how);
    else if (how.lenient) draft.notes.push(`${named(name, 'A parameter')} is not supported and was ignored.`);
    else
      throw unsupported(
        `${named(name, 'A parameter')} is not supported here: allowed are ${Object.keys(READERS).join(', ')}${how.operation === 'davinci-data-export' ? ' and exportType' : ''}.`,
      );
  }
  const { exportType, associated, types, ...parameters } = draft;
  if (types?.length === 0) throw invalid('_type names no type that is exported.');
  if (draft.since !== undefined && draft.until !== undefined && draft.until <= draft.since)
    throw invalid('_until must be after _since.');
  const { minimumFileSize, maximumFileSize } = draft;
  if (minimumFileSize !== undefined && maximumFileSize !== undefined && maximumFileSize <= minimumFileSize)
    throw invalid('_maximumFileSize must be more than _minimumFileSize.');
  if (how.operation === 'davinci-data-export' && exportType === undefined)
    draft.notes.push(`exportType was not given; ${PAYER_TO_PAYER} was assumed.`);
  // of two values the wider counts; asked for by name, Provenance comes whatever _type says
  const wanted = associated === undefined || types === undefined ? types : [...types, 'Provenance'];
  return {
    ...parameters,
    ...(wanted === undefined ? {} : { types: [...new Set(wanted)] }),
    ...(associated === undefined ? {} : { relevantProvenance: true }),
    ...(associated?.every((a) => a === 'LatestProvenanceResources') ? { latestProvenance: true } : {}),
  };
}
