// What a crawler finds at the live address of an index: the codes that only the address can show, and the audit of what it
// serves. Reads each file twice and holds none.
import { Readable } from 'node:stream';
import { type AuditResult, auditMpf, checkIndex, INDEX, type MpfEntry, type MpfFinding } from './audit.ts';
import { readBundle } from './bundle-files.ts';
import { MPF_CODES, type MpfCodeName } from './codes.ts';

export type ProbeOptions = {
  fetch: typeof fetch;
  now: Date;
  allowHttp: boolean;
  onFinding: (finding: MpfFinding) => void;
};

/** Contract and year as the last two folders of an index URL say them. */
export function readIndexUrl(url: string): { contract: string; year: number } | undefined {
  const m = /\/([A-Z]\d{4})\/(\d{4})\/[^/]*$/.exec(url);
  return m?.[1] === undefined ? undefined : { contract: m[1], year: Number(m[2]) };
}

const TLS = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;
const HEADERS: readonly [header: string, code: MpfCodeName, test: (value: string) => boolean][] = [
  ['last-modified', 'C4006', () => true],
  ['content-length', 'C4007', () => true],
  ['content-type', 'C4008', (v) => /^application\/json\b/.test(v)],
  ['etag', 'C4009', () => true],
];

/** Codes of causes, down to the first of them. */
function causeCode(error: unknown): string {
  let code = '';
  for (let e = error; e instanceof Error; e = e.cause) code = `${code} ${'code' in e ? String(e.code) : ''} ${e.name}`;
  return code;
}

export async function probeMpf(
  indexUrl: string,
  about: { contract: string; year: number },
  options: ProbeOptions,
): Promise<AuditResult> {
  const counts: AuditResult['counts'] = {};
  const found = (code: MpfCodeName, element: string, file: string) => {
    counts[code] = (counts[code] ?? 0) + 1;
    options.onFinding({ code, resource: '', element, file });
  };
  const fails = (error: unknown, file: string) => {
    const cause = causeCode(error);
    found(TLS.test(cause) ? 'C4002' : 'C4001', cause.trim().split(/\s+/)[0] ?? '', file);
  };
  /** HEAD, and the headers it must have. */
  const head = async (url: string, file: string) => {
    try {
      const r = await options.fetch(url, { method: 'HEAD' });
      if (r.status !== 200) return found('C4005', String(r.status), file);
      for (const [name, code, test] of HEADERS) {
        const value = r.headers.get(name);
        if (value === null || !test(value)) found(code, name, file);
      }
    } catch (error) {
      fails(error, file);
    }
  };
  await head(indexUrl, 'index.json');
  let index: string;
  try {
    const r = await options.fetch(indexUrl, { headers: { 'accept-encoding': 'gzip' } });
    if (r.status !== 200) throw new Error(`status ${r.status}`);
    if (r.headers.get('content-encoding') !== null) found('C4003', 'content-encoding', 'index.json');
    index = await r.text();
  } catch (error) {
    fails(error, 'index.json');
    return { counts, resources: {}, fatal: true };
  }
  const urls = checkIndex({ index, allowHttp: options.allowHttp }).some((f) => MPF_CODES[f.code].level === 'fatal')
    ? []
    : INDEX.parse(JSON.parse(index)).provider_urls;
  const sizes: number[] = [];
  for (const url of urls) {
    const name = url.split('/').at(-1) ?? url;
    await head(url, name);
  }
  let pass = 0;
  const entries = async function* (): AsyncGenerator<MpfEntry> {
    pass++;
    for (const url of urls) {
      const name = url.split('/').at(-1) ?? url;
      try {
        const r = await options.fetch(url, { headers: { 'accept-encoding': 'gzip' } });
        if (r.status !== 200 || !r.body) {
          if (pass === 1) found('C4003', String(r.status), name);
          continue;
        }
        if (pass === 1 && r.headers.get('content-encoding') !== null) found('C4003', 'content-encoding', name);
        let size = 0;
        yield* readBundle(
          name,
          (async function* () {
            for await (const chunk of Readable.fromWeb(r.body as import('node:stream/web').ReadableStream)) {
              size += (chunk as Uint8Array).length;
              yield chunk as Uint8Array;
            }
          })(),
        );
        if (pass > 1) continue;
        sizes.push(size);
        const declared = r.headers.get('content-length');
        if (declared !== null && r.headers.get('content-encoding') === null && Number(declared) !== size)
          found('C4003', 'content-length', name);
      } catch (error) {
        if (pass === 1) fails(error, name);
      }
    }
  };
  const audit = await auditMpf({
    ...about,
    now: options.now,
    index,
    allowHttp: options.allowHttp,
    sizes,
    entries,
    onFinding: options.onFinding,
  });
  for (const [code, n] of Object.entries(audit.counts)) {
    const name = code as MpfCodeName; // keys of counts
    counts[name] = (counts[name] ?? 0) + n;
  }
  const fatal = Object.keys(counts).some((code) => MPF_CODES[code as MpfCodeName].level === 'fatal'); // keys of counts
  return { counts, resources: audit.resources, fatal };
}
