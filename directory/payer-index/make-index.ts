// The payer index: who we are, which plans there are and where their endpoints are. Federated Payer Identifier, Draft 1.
import { TextFile } from '../../src/blobs/text-file.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { isResource, objects, text } from '../../src/fhir/resource.ts';
import { isMaSystem, maPlanId } from '../mpf/contract.ts';
import { planRows } from '../mpf/mpf-scope.ts';
import { setFolder } from '../publish/bulk-files.ts';
import { addSet, setCurrent } from '../publish/file-set.ts';
import type { Made, MakerContext } from '../publish/make-publication.ts';
import { inSnapshot } from '../publish/publication.ts';
import { planUuids } from '../qhp/qhp-rows.ts';
import { FPI_SYSTEM, fpi, readFpiSource } from './fpi.ts';

const RESOURCE_TYPE = 'http://hl7.org/fhir/us/fast-ndh/StructureDefinition/NDHPayerWellknownDefinition';
const MA_PLAN = 'https://directory.cms.gov/payer_identification_system/cms_contract_id/plan/plan_id';

type IndexPlan = { system: string; value: string; name: string };
type IndexConfig = {
  baseUrl: string;
  planName: string;
  planNpi: string;
  payerFpiSource: string;
  payerWebsite: string | undefined;
};

/** The file as an object. @param ids lasting ids by `system|value` */
function payerIndex(config: IndexConfig, plans: readonly IndexPlan[], ids: ReadonlyMap<string, string>) {
  const { baseUrl, planName } = config;
  const source = readFpiSource(config.payerFpiSource, planName);
  const own = fpi(source);
  const website = config.payerWebsite ?? `${baseUrl}/`;
  const developers = `${baseUrl}/developers`;
  const exchange = `${baseUrl}/exchange/fhir`;
  return {
    resourceType: RESOURCE_TYPE,
    copied_from_url: null,
    is_seeded: true,
    identifier: [
      {
        system: FPI_SYSTEM,
        value: own,
        is_fpi: true,
        fpi_source_system: source.system,
        fpi_source_value: source.value,
        payerLegalName: planName,
        payerContactWebsite: website,
        payer_level_string_search_matches: [planName],
      },
      { system: NPI_SYSTEM, value: config.planNpi, is_fpi: false, parent_fpi: own },
    ],
    plan_groups:
      plans.length === 0
        ? []
        : [
            {
              plan_identifiers: plans.map((p) => ({
                system: p.system,
                value: p.value,
                parent_fpi: own,
                f_plan_id: ids.get(`${p.system}|${p.value}`),
                plan_name: p.name,
                plan_website: website,
                plan_level_string_search_matches: [p.name],
              })),
              plan_endpoints: {
                'davinci_pdex_provider_directory_endpoint#1.2': `${baseUrl}/directory/fhir`,
                davinci_pdex_provider_directory_endpoint_all_at_once: `${baseUrl}/directory/fhir/$bulk-publish`,
                davinci_payer_to_payer_endpoint: exchange,
                davinci_pdex_payer_endpoint: exchange,
                ndh_meta_fhir_signup_url: developers,
                ndh_meta_documentation_url: developers,
                payer_homepage: website,
              },
              plan_group_string_search_match: [planName],
            },
          ],
  };
}

/** Medicare Advantage plans by contract and plan, others by their first identifier. */
function indexPlan(plan: unknown): IndexPlan | undefined {
  if (!isResource(plan)) return undefined;
  const identifiers = objects(plan['identifier']);
  const name = text(plan['name']) ?? '';
  for (const i of identifiers) {
    const ma = isMaSystem(i['system']) ? maPlanId(text(i['value']) ?? '') : undefined;
    if (ma) return { system: MA_PLAN, value: ma.whole.slice(0, 9), name };
  }
  const first = identifiers.find((i) => text(i['system']) && text(i['value']));
  return first && { system: String(first['system']), value: String(first['value']), name };
}

export async function makePayerIndex({ deps, publication, snapshot }: MakerContext): Promise<Made> {
  const plans = new Map<string, IndexPlan>();
  await inSnapshot(deps.database, snapshot, async (sql) => {
    for await (const rows of planRows(sql))
      for (const { body } of rows) {
        const plan = indexPlan(JSON.parse(body));
        if (plan) plans.set(`${plan.system}|${plan.value}`, plan);
      }
  });
  const ids = await planUuids(deps.database.sql, [...plans.keys()]);
  const id = await addSet(deps.database.sql, 'index', publication.number);
  const file = new TextFile(deps.blobs, `${setFolder(publication.number, id)}/payer-index.json`);
  await file.write(JSON.stringify(payerIndex(deps.config, [...plans.values()], ids)));
  const stored = await file.end();
  return {
    sets: [
      {
        id,
        channel: 'index',
        key: '',
        state: 'ready',
        summary: { plans: plans.size },
        files: [
          {
            ...stored,
            position: 0,
            kind: 'index',
            type: 'index',
            name: `${publication.number}/payer-index.json`,
            media: 'application/json',
            gzip: false,
            lines: 0,
          },
        ],
        show: (tx) => setCurrent(tx, 'index', '', id),
      },
    ],
  };
}
