// A resource as XML: elements in the order of their definition, primitives as attributes, narratives as XHTML.
// https://hl7.org/fhir/R4/xml.html
import { SaxesParser } from 'saxes';
import { parseAsWritten } from './number-literals.ts';
import type { Json, Resource } from './resource.ts';
import { type Field, type Type, tableOf, typeOf } from './validate/types.ts';

export const FHIR_XML = 'application/fhir+xml; fhirVersion=4.0; charset=utf-8';

const FHIR_NAMESPACE = 'http://hl7.org/fhir';
const XHTML_NAMESPACE = 'http://www.w3.org/1999/xhtml';

type Members = { readonly [name: string]: Json | undefined };

/**
 * In pieces, of a Bundle one an entry: between two of them others can have their turn.
 * @param json a resource of R4 as text, structurally valid. Its numbers stay as they are written there; a narrative that is no
 *   well-formed XHTML is left out, as it would make the whole no XML; members that R4 does not know are left out
 * @param pretty each element on a line of its own, but for what is XHTML
 */
export function* xmlPieces(json: string, pretty = false): Generator<string> {
  const resource = parseAsWritten(json) as Resource;
  const name = resource.resourceType;
  const type = typeOf(name);
  if (type === undefined) throw new Error(`R4 has no resource ${name}`);
  yield `<?xml version="1.0" encoding="UTF-8"?>${pretty ? '\n' : ''}<${name} xmlns="${FHIR_NAMESPACE}">`;
  const line = pretty ? '\n' : '';
  yield* children(resource, type, deeper(line));
  yield `${line}</${name}>`;
}

/** Before each element: nothing, or a new line with the indent of its depth. */
const deeper = (line: string): string => (line === '' ? '' : `${line}  `);

function resourceXml(resource: Members, line: string): string {
  const name = String(resource['resourceType']);
  const type = typeOf(name);
  return type === undefined ? '' : element(name, '', childrenXml(resource, type, deeper(line)), line);
}

const element = (name: string, attributes: string, children: string, line: string): string =>
  children === '' ? `${line}<${name}${attributes}/>` : `${line}<${name}${attributes}>${children}${line}</${name}>`;

/** What is an attribute of its element and no child: `id` of all but resources, `url` of extensions. */
const isAttribute = (name: string, type: Type): boolean =>
  (name === 'id' && !type.isResource) || (name === 'url' && type.name === 'Extension');

function childrenXml(of: Members, type: Type, line: string): string {
  let xml = '';
  for (const child of children(of, type, line)) xml += child;
  return xml;
}

function* children(of: Members, type: Type, line: string): Generator<string> {
  for (const name of namesIn(of, type)) {
    const field = type.fields.get(name);
    if (field === undefined || field.companion) continue;
    const value = of[name];
    const beside = field.primitive === undefined ? undefined : of[`_${name}`];
    if (field.type === 'Narrative' && isMembers(value) && !isWellFormed(value['div'])) continue;
    const values = listOf(value);
    const besides = listOf(beside);
    for (let i = 0; i < Math.max(values.length, besides.length); i++)
      yield fieldXml(name, field, values[i], besides[i], line);
  }
}

/** The children of an element in the order of their definition: few of the hundred that an extension may have. */
function namesIn(of: Members, type: Type): string[] {
  const ranks = ranksOf(type);
  const names: string[] = [];
  let last = -1;
  let isSorted = true;
  for (const key of Object.keys(of)) {
    const isBeside = key.startsWith('_');
    const name = isBeside ? key.slice(1) : key;
    const rank = ranks.get(name);
    if (rank === undefined || isAttribute(name, type) || (isBeside && of[name] !== undefined)) continue;
    isSorted &&= rank > last;
    last = rank;
    names.push(name);
  }
  return isSorted ? names : names.sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
}

const ranked = new WeakMap<Type, ReadonlyMap<string, number>>();
function ranksOf(type: Type): ReadonlyMap<string, number> {
  let ranks = ranked.get(type);
  if (ranks === undefined) {
    ranks = new Map([...type.fields.keys()].map((name, i) => [name, i]));
    ranked.set(type, ranks);
  }
  return ranks;
}

const listOf = (value: Json | undefined): readonly (Json | undefined)[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

const isMembers = (value: Json | undefined): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param beside id and extensions of a primitive value */
function fieldXml(name: string, field: Field, value: Json | undefined, beside: Json | undefined, line: string): string {
  if (field.type === 'xhtml') return `${line}${xhtml(value)}`;
  if (field.primitive !== undefined) {
    const attributes = `${isMembers(beside) ? attributesXml(beside) : ''}${value === undefined || value === null ? '' : ` value="${escaped(String(value))}"`}`;
    const children = isMembers(beside) ? childrenXml(beside, ELEMENT, deeper(line)) : '';
    return attributes === '' && children === '' ? '' : element(name, attributes, children, line);
  }
  if (!isMembers(value)) return '';
  if (field.type === 'Resource') return element(name, '', resourceXml(value, deeper(line)), line);
  const type = tableOf(field);
  return element(name, attributesXml(value, type), childrenXml(value, type, deeper(line)), line);
}

function attributesXml(of: Members, type: Type = ELEMENT): string {
  let xml = '';
  for (const name of ['id', 'url'])
    if (of[name] !== undefined && isAttribute(name, type)) xml += ` ${name}="${escaped(String(of[name]))}"`;
  return xml;
}

const ELEMENT = elementType();
function elementType(): Type {
  const type = typeOf('Element');
  if (type === undefined) throw new Error('the R4 table has no type Element');
  return type;
}

const TO_ESCAPE = /[&<>"\t\n\r]/g;
/** What no XML may hold, not even as a reference. https://www.w3.org/TR/xml/#charsets */
const NO_CHARACTER = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const escaped = (text: string): string =>
  text.replace(NO_CHARACTER, '\ufffd').replace(TO_ESCAPE, (c) => `&#${c.charCodeAt(0)};`);

/** The `div` alone: JSON may have a declaration before it. */
const divOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value.replace(/^\s*<\?xml[^>]*>/, '').trim() : '';

function xhtml(value: Json | undefined): string {
  const div = divOf(value);
  return /^<div[^>]*\sxmlns\s*=/.test(div) ? div : div.replace(/^<div/, `<div xmlns="${XHTML_NAMESPACE}"`);
}

/**
 * One `div` of XHTML, elements closed, prefixes and entities known, and nothing that only a document begins with: what is none would end
 * the document early, or be read as elements of FHIR.
 */
function isWellFormed(div: Json | undefined): boolean {
  const parser = new SaxesParser({ xmlns: true });
  let isFine = true;
  const fails = () => {
    isFine = false;
  };
  let depth = 0;
  parser.on('error', fails);
  parser.on('doctype', fails);
  parser.on('xmldecl', fails);
  parser.on('opentag', ({ local, uri }) => {
    if (depth++ === 0 && (local !== 'div' || uri !== XHTML_NAMESPACE)) fails();
  });
  parser.on('closetag', () => depth--);
  parser.write(xhtml(div)).close();
  return isFine;
}
