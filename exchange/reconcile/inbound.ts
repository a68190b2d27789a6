// Checks of a received record that is kept: what is noted about it, and what is taken out before it is stored. Pure.
import type { Found } from '../../src/fhir/json-members.ts';
import { isObject, type Json, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { parseSpelled, stringifySpelled } from '../../src/fhir/spelled-numbers.ts';
import { isKeptType, isProgram } from '../records/facts/attachment-type.ts';
import { HOLDS } from '../records/facts/watched-names.ts';
import { hasEmptyAttachment } from './attachment-address.ts';

// Blanks are one each (see below): where they may stand twice in a row, any number of them would be tried with any number of others.
const ACTIVE_CONTENT = /<script|<iframe|<object|<embed|<form|<link\b| on\w+ ?=|javascript:/i;
/** A style or a picture that leads out, or a picture that is a document of its own. */
const LEADS_OUT =
  /url\( ?["']? ?(?:https?:|\/\/|data:)|\b(?:src|href) ?= ?["']? ?data:(?!image\/(?:png|jpe?g|gif|webp)[;,])/i;
const ADDRESS = /\b(?:src|href) ?= ?["']? ?(?:https?:|\/\/)/i;
const PICTURE_OR_LINK = /<(?:img|a)\b/i;
const CHARACTER = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(colon|tab|newline));?/gi;
const NAMED: Readonly<Record<string, string>> = { colon: ':', tab: '\t', newline: '\n' };

/** A narrative as a browser reads it: characters that are written as numbers are what they stand for, and an address has no breaks. */
function hasActiveContent(narrative: string): boolean {
  const read = narrative.includes('&')
    ? narrative.replace(CHARACTER, (_, hex?: string, decimal?: string, name?: string) => {
        const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
        return name === undefined
          ? code <= 0x10ffff
            ? String.fromCodePoint(code)
            : ''
          : (NAMED[name.toLowerCase()] ?? '');
      })
    : narrative;
  const spaced = read.replace(/\s+/g, ' ');
  return (
    ACTIVE_CONTENT.test(spaced) ||
    LEADS_OUT.test(spaced) ||
    (ADDRESS.test(spaced) && linksOut(spaced)) ||
    /javascript:/i.test(read.replace(/[\t\n\r]/g, ''))
  );
}

/** Does a picture or a link lead out? Tag by tag: one that never ends is looked through once. */
const linksOut = (narrative: string): boolean =>
  narrative.split('>').some((tag) => {
    const at = tag.search(PICTURE_OR_LINK);
    return at !== -1 && ADDRESS.test(tag.slice(at));
  });

const MAX_ATTACHMENT_BASE64 = 14_000_000;
const DAY = /^(\d{4})(-\d\d-\d\d)?/;
const NOT_A_SYSTEM = /"system":"(?!https?:|urn:)[^"]*"/;

/** Does a Part 2 record come with the notice that must go with it (42 CFR 2.32)? */
function hasPart2Notice(resource: Resource, json: string): boolean {
  const meta = resource['meta'];
  const codes = isObject(meta) ? objects(meta['security']).map((s) => s['code']) : [];
  return (
    codes.includes('NORDSLCD') ||
    /42\s*CFR\s*part\s*2\s+prohibits|prohibited\s+from\s+making\s+any\s+further\s+disclosure/i.test(json)
  );
}

function hasUnknownSystem(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(hasUnknownSystem);
  if (!isObject(value)) return false;
  for (const c of objects(value['coding'])) {
    const system = text(c['system']);
    if (system !== undefined && !/^(?:https?:|urn:)/.test(system)) return true;
  }
  return Object.values(value).some(hasUnknownSystem);
}

/** Is a day of service or birth, or the day of a time, before 1900 or yet to come? What begins with none says nothing. */
function isImplausible(told: string, latest: string): boolean {
  if (told >= '1900' && told <= latest) return false; // as nearly all
  const [, year, rest] = DAY.exec(told) ?? [];
  if (year === undefined) return false;
  return year < '1900' || (rest === undefined ? year > latest.slice(0, 4) : year + rest > latest);
}

/** Attachments of a record, wherever they stand, seen and changed in place. */
function attachments(value: Json | undefined, see: (attachment: JsonObject) => void): void {
  if (Array.isArray(value)) for (const v of value) attachments(v, see);
  else if (isObject(value)) {
    if (typeof value['contentType'] === 'string' || typeof value['data'] === 'string') see(value);
    for (const v of Object.values(value)) attachments(v, see);
  }
}

export type Inbound = { findings: string[]; kept: string };

/**
 * @param kept the text that will be stored, so far
 * @param json the minified text as it came, only looked at
 * @param found what it has of the watched names, and the days that it tells
 * @param latest last day, YYYY-MM-DD, that a service or a birth may have: two days from now
 */
export function checkInbound(
  resource: Resource,
  kept: string,
  json: string,
  { names, told }: Found,
  latest: string,
  label: number,
): Inbound {
  const findings = new Set<string>();
  if (told.some((t) => isImplausible(t, latest))) findings.add('implausible-date');
  if (NOT_A_SYSTEM.test(json) && hasUnknownSystem(resource)) findings.add('terminology-unknown');
  if (label === 2 && !hasPart2Notice(resource, json)) findings.add('part2-no-notice');
  const narrative = isObject(resource['text']) ? text(resource['text']['div']) : undefined;
  const dropsNarrative = narrative !== undefined && hasActiveContent(narrative);
  if (dropsNarrative) findings.add('narrative-dropped');
  if (hasEmptyAttachment(resource, names)) findings.add('attachment-empty');
  let dropsData = false;
  if ((names & HOLDS.data) !== 0)
    attachments(resource, (a) => {
      const data = text(a['data']);
      if (data !== undefined && isUnsafe(a, data)) {
        findings.add('attachment-unsafe');
        dropsData = true;
      }
    });
  if (!dropsNarrative && !dropsData) return { findings: [...findings], kept };
  const next = parseSpelled(kept) as Resource;
  if (dropsNarrative) delete next['text'];
  if (dropsData)
    attachments(next, (a) => {
      const data = text(a['data']);
      if (data !== undefined && isUnsafe(a, data)) delete a['data'];
    });
  return { findings: [...findings], kept: stringifySpelled(next) };
}

const isUnsafe = (a: JsonObject, data: string): boolean =>
  data.length > MAX_ATTACHMENT_BASE64 ||
  isProgram(data) ||
  (typeof a['contentType'] === 'string' && !isKeptType(a['contentType']));

const TRANSMITTER = 'transmitter';

/** Does a Provenance name us as one who transmitted the records before? */
export function namesUsAsTransmitter(resource: Resource, npi: string | null): boolean {
  if (npi === null || resource.resourceType !== 'Provenance') return false;
  return objects(resource['agent']).some((a) => {
    const type = isObject(a['type']) ? objects(a['type']['coding']).some((c) => c['code'] === TRANSMITTER) : false;
    const who = isObject(a['who']) && isObject(a['who']['identifier']) ? a['who']['identifier']['value'] : undefined;
    return type && who === npi;
  });
}

/** Our own id that a record says to be a copy of: by `meta.source` or by a secondary identifier. */
export function copyOf(resource: Resource, ourBase: string): string | undefined {
  const type = resource.resourceType;
  const meta = resource['meta'];
  const source = isObject(meta) ? text(meta['source']) : undefined;
  if (source?.startsWith(`${ourBase}/${type}/`)) return source.slice(ourBase.length + type.length + 2).split('/')[0];
  const noted = objects(resource['identifier']).find(
    (i) => i['use'] === 'secondary' && i['system'] === `${ourBase}/${type}`,
  );
  return text(noted?.['value']);
}
