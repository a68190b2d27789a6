// Products of the payer, PN/StructureDefinition/plannet-InsurancePlan.
import type { Resource } from '../../fhir/resource.ts';
import { STATES } from '../places.ts';
import { at, Draw, kindKey } from '../random.ts';
import { identifier, meta, phone, planNet } from './elements.ts';
import { id, type Layout, reference } from './layout.ts';

const KIND = kindKey('insurance-plan');

const PRODUCTS = [
  { type: 'qhp', tiers: ['gold', 'silver', 'bronze'], name: 'Marketplace' },
  { type: 'mediadv', tiers: [], name: 'Medicare Advantage' },
  { type: 'medihmo', tiers: [], name: 'Medicaid HMO' },
  { type: 'commppo', tiers: ['lowdeductible', 'highdeductible'], name: 'Employer PPO' },
  { type: 'dent', tiers: [], name: 'Dental' },
] as const;

export function insurancePlan(l: Layout, index: number): Resource {
  const draw = new Draw(l.seed, KIND, index);
  const product = at(PRODUCTS, index);
  const state = index % l.areas;
  const area = reference('location', state);
  // networks of the same state, by the same remainder; else some network
  const network = state < l.networks ? state : draw.int(l.networks);
  const networks = [reference('network', network)];
  const beside = network + l.areas;
  if (beside < l.networks) networks.push(reference('network', beside));
  // state, product and year are another three until all of them have met
  const again = index < STATES.length * PRODUCTS.length ? '' : ` ${index + 1}`;
  const name = `Meridian ${at(STATES, state).name} ${product.name} ${2026 + (index % 2)}${again}`;
  return {
    resourceType: 'InsurancePlan',
    id: id.plan(index),
    meta: meta(draw, 'InsurancePlan'),
    identifier: [
      {
        ...identifier('XX', 'https://payer-1.example/sid/plan', `PLN-${String(index + 1).padStart(5, '0')}`),
        assigner: reference('payer', 0),
      },
      ...(product.type === 'mediadv'
        ? [{ system: 'http://cms.gov/medicare/ma-plan-id', value: `H99${String(index % 100).padStart(2, '0')}-001` }]
        : []),
      ...(product.type === 'qhp'
        ? [
            {
              system: 'https://payer-1.example/sid/hios-plan-id',
              value: `99${String(state).padStart(3, '0')}${at(STATES, state).code}${String(index + 1).padStart(7, '0')}`,
            },
          ]
        : []),
    ],
    status: 'active',
    type: [planNet('InsuranceProductTypeCS', product.type)],
    name,
    alias: [`MEP ${product.type.toUpperCase()} ${index + 1}`],
    period: { start: `${2026 + (index % 2)}-01-01`, end: `${2026 + (index % 2)}-12-31` },
    ownedBy: reference('payer', 0),
    administeredBy: reference('payer', product.type === 'dent' ? 1 : 0),
    coverageArea: [area],
    contact: [{ name: { text: 'Member Services' }, telecom: [phone(draw, '800')] }],
    endpoint: [reference('endpoint', 0)],
    network: networks,
    ...(product.tiers.length > 0
      ? { plan: product.tiers.map((tier) => ({ type: planNet('InsurancePlanTypeCS', tier), coverageArea: [area] })) }
      : {}),
  };
}
