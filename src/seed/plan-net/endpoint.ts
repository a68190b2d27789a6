// Electronic endpoints, PN/StructureDefinition/plannet-Endpoint.
import type { Resource } from '../../fhir/resource.ts';
import { Draw, kindKey } from '../random.ts';
import { concept, extensionUrl, meta, PLAN_NET, planNet, slug } from './elements.ts';
import { id, type Layout, organizationOfEndpoint, reference } from './layout.ts';
import { organizationFacts, PAYER_NAMES } from './organization.ts';

const KIND = kindKey('endpoint');
const CONNECTION = 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type';
const USE_CASES = ['TREAT', 'HPAYMT', 'COVERAGE', 'PATRQT'] as const;

export function endpoint(l: Layout, index: number): Resource {
  const draw = new Draw(l.seed, KIND, index);
  const owner = index === 0 ? undefined : organizationOfEndpoint(l, index);
  const name = owner === undefined ? PAYER_NAMES[0] : organizationFacts(l, owner).name;
  const host = owner === undefined ? 'payer-1.example' : `${slug(name)}.example`;
  const style = index === 0 ? 'rest' : draw.pick(['rest', 'rest', 'direct', 'portal'] as const);
  return {
    resourceType: 'Endpoint',
    id: id.endpoint(index),
    meta: meta(draw, 'Endpoint'),
    extension: [
      {
        url: extensionUrl('endpoint-usecase'),
        extension: [
          {
            url: 'type',
            valueCodeableConcept: concept('http://terminology.hl7.org/CodeSystem/v3-ActReason', draw.pick(USE_CASES)),
          },
          { url: 'standard', valueUri: 'https://hl7.org/fhir/R4/http.html' },
        ],
      },
    ],
    status: 'active',
    connectionType:
      style === 'rest'
        ? { system: CONNECTION, code: 'hl7-fhir-rest' }
        : style === 'direct'
          ? { system: CONNECTION, code: 'direct-project' }
          : { system: `${PLAN_NET}/CodeSystem/EndpointConnectionTypeCS`, code: 'rest-non-fhir' },
    name: `${name} ${style === 'direct' ? 'Direct address' : style === 'rest' ? 'FHIR API' : 'portal'}`,
    managingOrganization: owner === undefined ? reference('payer', 0) : reference('organization', owner),
    contact: [{ system: 'email', value: `interop@${host}`, use: 'work' }],
    payloadType: [planNet('EndpointPayloadTypeCS', 'NA', 'Not Applicable')],
    ...(style === 'rest' ? { payloadMimeType: ['application/fhir+json'] } : {}),
    address:
      style === 'direct'
        ? `mailto:intake@direct.${host}`
        : style === 'rest'
          ? `https://fhir.${host}/r4`
          : `https://portal.${host}`,
  };
}
