// The audit of the files of one contract and year: what CMS would say of them. Reads every entry twice: first what there is,
// then what is said of it. Pure but for the reading that it is given; memory is some bytes a resource.
import { z } from 'zod';
import { isResource, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { checkRecord, type RecordContext } from './check-record.ts';
import { MPF_CODES, type MpfCodeName } from './codes.ts';
import { contractsOf, planNetworks, providerNetworks } from './contract.ts';
import { FLAG, KeyFlags } from './key-flags.ts';
import { isNetwork, MPF_TYPES } from './shape.ts';

/** What is read of an index. */
export const INDEX = z.object({ provider_urls: z.array(z.string()) });

export type MpfFinding = { code: MpfCodeName; resource: string; element: string; file: string };

/** One entry of a file, or what is wrong with the file. */
export type MpfEntry = { file: string; entry: unknown } | { file: string; fault: 'N3015' | 'C4018' };

export type AuditInput = {
  contract: string;
  year: number;
  now: Date;
  /** the index as text */
  index: string;
  /** may its URLs be http? Only those of a sandbox */
  allowHttp: boolean;
  /** sizes of the files in bytes */
  sizes: readonly number[];
  /** all entries of all files; called twice */
  entries: () => AsyncIterable<MpfEntry>;
  /** called for every finding */
  onFinding: (finding: MpfFinding) => void | Promise<void>;
};

export type AuditResult = {
  counts: Partial<Record<MpfCodeName, number>>;
  resources: Record<string, number>;
  /** a finding rejects the whole data set */
  fatal: boolean;
};

const MAX_URLS = 10_000;
const MAX_BYTES = 300_000_000;
const READ = new Set<string>(MPF_TYPES);

export async function auditMpf(input: AuditInput): Promise<AuditResult> {
  const counts: AuditResult['counts'] = {};
  const resources: Record<string, number> = {};
  const found = async (code: MpfCodeName, resource: string, element: string, file: string) => {
    counts[code] = (counts[code] ?? 0) + 1;
    await input.onFinding({ code, resource, element, file });
  };
  for (const { code, element } of checkIndex(input)) await found(code, '', element, 'index.json');
  if (input.sizes.some((n) => n > MAX_BYTES)) await found('C4019', '', 'size', '');

  const flags = new KeyFlags();
  const contracts = new Set<string>();
  for await (const item of input.entries()) {
    if ('fault' in item) {
      await found(item.fault, '', '', item.file);
      continue;
    }
    const resource = resourceOf(item.entry);
    if (!resource) {
      await found('C4017', '', 'Bundle.entry.resource', item.file);
      continue;
    }
    const type = resource.resourceType;
    resources[type] = (resources[type] ?? 0) + 1;
    gather(resource, flags);
    if (type === 'InsurancePlan') for (const contract of contractsOf(resource)) contracts.add(contract);
  }
  if (!resources['InsurancePlan']) await found('C4015', '', 'InsurancePlan', '');
  if (!contracts.has(input.contract)) await found('N3006', '', 'InsurancePlan.identifier', '');
  if (!resources['PractitionerRole'] && !resources['OrganizationAffiliation']) await found('P1017', '', '', '');

  const context: RecordContext = { contract: input.contract, year: input.year, now: input.now, flags };
  for await (const item of input.entries()) {
    const resource = 'fault' in item ? undefined : resourceOf(item.entry);
    if (!resource) continue;
    const key = `${resource.resourceType}/${String(resource['id'])}`;
    for (const [code, element] of checkRecord(resource, context)) await found(code, key, element, item.file);
  }
  const fatal = Object.keys(counts).some((code) => MPF_CODES[code as MpfCodeName].level === 'fatal'); // keys of counts
  return { counts, resources, fatal };
}

function resourceOf(entry: unknown): Resource | undefined {
  const resource = typeof entry === 'object' && entry !== null ? (entry as JsonObject)['resource'] : undefined;
  return isResource(resource) && READ.has(resource.resourceType) && text(resource['id']) !== undefined
    ? resource
    : undefined;
}

/** The index alone. */
export function checkIndex(input: Pick<AuditInput, 'index' | 'allowHttp'>): { code: MpfCodeName; element: string }[] {
  let json: unknown;
  try {
    json = JSON.parse(input.index);
  } catch {
    return [{ code: 'C4004', element: '' }];
  }
  const read = INDEX.safeParse(json);
  if (!read.success) return [{ code: 'C4013', element: '' }];
  const urls = read.data.provider_urls;
  if (urls.length === 0) return [{ code: 'C4012', element: 'provider_urls' }];
  const wrong = urls.filter((u) => !isWholeUrl(u, input.allowHttp));
  return [
    ...(urls.length > MAX_URLS ? [{ code: 'C4019' as const, element: 'provider_urls' }] : []),
    ...wrong.map((u) => ({ code: 'C4014' as const, element: `provider_urls[${urls.indexOf(u)}]` })),
  ];
}

function isWholeUrl(url: string, allowHttp: boolean): boolean {
  return (
    (url.startsWith('https://') || (allowHttp && url.startsWith('http://'))) &&
    /^[^\s,]+$/.test(url) &&
    URL.canParse(url)
  );
}

/** What others need to know of a resource. */
function gather(resource: Resource, flags: KeyFlags): void {
  const type = resource.resourceType;
  let own: number = FLAG.exists;
  if (type === 'Organization' && isNetwork(resource)) own |= FLAG.network;
  if (objects(resource['telecom']).some((t) => t['system'] === 'phone')) own |= FLAG.phone;
  if (objects(resource['address']).some((a) => a['line'] !== undefined || a['city'] !== undefined)) own |= FLAG.address;
  flags.add(`${type}/${String(resource['id'])}`, own);
  const networks = type === 'InsurancePlan' ? planNetworks(resource) : providerNetworks(resource);
  for (const network of networks) flags.add(network, type === 'InsurancePlan' ? FLAG.inPlan : FLAG.hasProvider);
}
