// A row of plans.csv: one plan with one network; a plan with two networks has two rows one after the other.
import type { Resource } from '../../fhir/resource.ts';
import { InsurancePlanType, InsuranceProductType, type ValueSet } from '../../fhir/validate/plan-net-codes.ts';
import { area, areaId, isKey, networkId, organization, PAYER, plan } from './build.ts';
import { type Made, refused } from './made.ts';
import { stateCode } from './state-codes.ts';
import { cell, type Left, list, type Row } from './values.ts';

export const PLAN_COLUMNS = [
  'plan_id',
  'plan_name',
  'product',
  'metal',
  'year',
  'network',
  'network_name',
  'states',
] as const;
export const PLAN_REQUIRED = ['plan_id', 'plan_name', 'product', 'year', 'network', 'network_name'] as const;

const lists = (set: ValueSet, code: string) =>
  Object.values(set.systems).some((codes) => typeof codes !== 'string' && codes.has(code));
const isProduct = (code: string) => lists(InsuranceProductType, code);
const isTier = (code: string) => lists(InsurancePlanType, code);

const MA_PLAN = /^[HRSE]\d{4}-\d{3}(-\d{3})?$/;

/** Networks of the plans seen so far, by plan; a plan is rewritten when one more of its networks comes. */
export type PlanNetworks = Map<string, string[]>;

export function planRow(row: Row, seen: PlanNetworks): Made {
  const id = cell(row, 'plan_id');
  const net = cell(row, 'network');
  if (!isKey(id)) return refused('plan_id', 'is not 1 to 40 letters, digits and dashes');
  if (net === '') return refused('network', 'is empty');
  if (list(net).length !== 1) return refused('network', 'holds ; or |, which part the networks of providers.csv');
  const network = networkId(net);
  const [name, networkName, year] = ['plan_name', 'network_name', 'year'].map((c) => cell(row, c));
  if (!name) return refused('plan_name', 'is empty');
  if (!networkName) return refused('network_name', 'is empty');
  if (!/^20\d\d$/.test(year ?? '')) return refused('year', 'is not a year such as 2027');
  const product = cell(row, 'product').toLowerCase();
  if (!isProduct(product))
    return refused('product', 'is not a code of the Plan-Net insurance product types, such as mediadvhmo or qhp');
  const left: Left[] = [];
  const metal = cell(row, 'metal').toLowerCase();
  if (metal !== '' && !isTier(metal))
    left.push({ column: 'metal', why: 'is not a code of the Plan-Net plan types, such as gold' });
  const states = list(cell(row, 'states')).map(stateCode);
  const areas = states.filter((code) => code !== undefined);
  if (areas.length < states.length) left.push({ column: 'states', why: 'names something that is no state' });
  const networks = seen.get(id) ?? [];
  if (!networks.includes(network)) networks.push(network);
  seen.set(id, networks);
  const resources: Resource[] = [
    organization({ id: network, name: networkName, type: 'ntwk', partOf: PAYER }),
    ...areas.map(area),
    plan({
      id: `plan-${id}`,
      identifier: MA_PLAN.test(id)
        ? { system: 'http://cms.gov/medicare/ma-plan-id', value: id.length === 9 ? `${id}-000` : id }
        : { system: 'https://www.cms.gov/hios-plan-id', value: id },
      name,
      product,
      tier: isTier(metal) ? metal : undefined,
      networks,
      areas: areas.map(areaId),
      period: { start: `${year}-01-01`, end: `${year}-12-31` },
    }),
  ];
  return { resources, left };
}
