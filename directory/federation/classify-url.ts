// What kind of address a payer gave for its directory: registries hold FHIR bases beside pages, files and test servers.
import { DIRECTORY_TYPES } from '../../src/fhir/search/types.ts';

/** Kinds of addresses, and what is done with them. */
const URL_KINDS = {
  'fhir-base': 'A FHIR base: harvested.',
  'mpf-index': 'An index of files (Medicare Plan Finder or Marketplace): its files are harvested.',
  'bulk-manifest': 'A $bulk-publish manifest: its chain is harvested.',
  'payer-index': 'A payer index: read for addresses.',
  'human-page': 'A page for people: nothing to harvest; ask the payer for its base.',
  'non-production': 'A test or staging server: kept as a contact, never harvested.',
  'unusual-port': 'A port other than 443: harvested only when staff has allowed the port.',
  'not-a-url': 'Not an address.',
} as const;
export type UrlKind = keyof typeof URL_KINDS;

export type ClassifiedUrl = {
  kind: UrlKind;
  /** normalised: host in lower case, no blanks, no slash at the end; of a base, without `/metadata` or a type */
  url: string;
  /** what was cut or noticed, for the person who reads the registry */
  note?: string;
};

const TYPES = new Set<string>([...DIRECTORY_TYPES, 'Network', 'Person', 'Patient']);
const TEST_WORD = /^(?:stage|staging|stg|test|tst|np|nonprod|sandbox|sbx|uat|qa|dev|preprod)\d*$/i;

/**
 * Classifies an address by its looks; what its body says is the probe's to find.
 * @param ports that staff has allowed for this peer
 */
export function classifyUrl(given: string, ports: readonly number[] = []): ClassifiedUrl {
  const trimmed = given.replace(/[\s\u00a0\u200b]+/g, '');
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) return { kind: 'not-a-url', url: given.trim() };
  const url = new URL(trimmed);
  url.hash = '';
  let path = url.pathname
    .replaceAll('%24', '$')
    .replace(/\/{2,}/g, '/')
    .replace(/\/+$/, '');
  const named = () => `${url.protocol}//${url.host}${path}${url.search}`;
  if (isTest(url.hostname, path)) return { kind: 'non-production', url: named() };
  const port = url.port === '' ? undefined : Number(url.port);
  if (port !== undefined && !ports.includes(port)) return { kind: 'unusual-port', url: named(), note: `port ${port}` };
  if (/bulk-?publish/i.test(path)) return { kind: 'bulk-manifest', url: named() };
  if (/\/\.well-known\/payer-index$/i.test(path)) return { kind: 'payer-index', url: named() };
  if (/index\.json$/i.test(path)) return { kind: 'mpf-index', url: named() };
  if (/\/[HRSE]\d{4}\/20\d\d$/i.test(path)) return { kind: 'mpf-index', url: named(), note: 'index.json is not named' };
  if (
    /\.(?:html?|aspx?|php|pdf|docx?)$|swagger|\/(?:apidocs?|api-docs?|docs?|documentation|developers?|portal)(?:\/|$)/i.test(
      path,
    )
  )
    return { kind: 'human-page', url: named() };
  const segments = path.split('/');
  const last = segments.at(-1) ?? '';
  const cut = last === 'metadata' || TYPES.has(last) ? last : undefined;
  if (cut !== undefined) path = segments.slice(0, -1).join('/');
  url.search = '';
  return { kind: 'fhir-base', url: named(), ...(cut === undefined ? {} : { note: `/${cut} was cut` }) };
}

function isTest(host: string, path: string): boolean {
  return [...host.split('.'), ...path.split('/')].some((part) =>
    part.split(/[-_]/).some((word) => TEST_WORD.test(word)),
  );
}

/** Addresses of a cell that may hold several, each once. */
export function urlsIn(cell: string): string[] {
  return [...new Set([...cell.matchAll(/https?:\/\/[^\s\u00a0,;"'<>()]+/gi)].map((m) => m[0].replace(/[.]+$/, '')))];
}

/** Are these two the same FHIR base? Scheme, host case, default port and slashes do not count. */
export function baseKey(base: string): string {
  if (!URL.canParse(base)) return base;
  const url = new URL(base);
  const port = url.port === '' || url.port === '80' || url.port === '443' ? '' : `:${url.port}`;
  return `${url.hostname.toLowerCase()}${port}${url.pathname.replace(/\/{2,}/g, '/').replace(/\/+$/, '')}`;
}
