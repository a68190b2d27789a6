// OperationDefinition of $in-network. https://hl7.org/fhir/R4/operationdefinition.html
import type { OperationDefinition, OperationDefinitionParameter } from 'fhir/r4.js';

const input = (
  name: string,
  type: OperationDefinitionParameter['type'] & string,
  max: string,
  documentation: string,
): OperationDefinitionParameter => ({ name, use: 'in', min: 0, max, type, documentation });

const output = (
  name: string,
  type: OperationDefinitionParameter['type'] & string,
  min: number,
  max: string,
  documentation: string,
): OperationDefinitionParameter => ({ name, use: 'out', min, max, type, documentation });

export function inNetworkDefinition(base: string, date: string): OperationDefinition {
  const match =
    'kind, role, affiliation, provider, organization, network, plan, location, specialty, newPatients, newPatientsScope, period, lastUpdated, lastVerified, verificationStatus, source';
  return {
    resourceType: 'OperationDefinition',
    id: 'in-network',
    url: `${base}/OperationDefinition/in-network`,
    name: 'InNetwork',
    title: 'Is this provider in this plan on this day?',
    status: 'active',
    kind: 'operation',
    date,
    affectsState: false,
    code: 'in-network',
    system: true,
    type: false,
    instance: false,
    parameter: [
      input('plan', 'string', '*', 'InsurancePlan/id, or an identifier: system|value, or a bare plan id'),
      input('network', 'string', '*', 'Organization/id of a network, or its identifier. Plan or network is required'),
      input('npi', 'string', '1', 'NPI of a person or an organization. Either npi or provider is required'),
      input('provider', 'string', '*', 'Practitioner/id or Organization/id'),
      input('location', 'string', '*', 'Location/id: only there'),
      input('specialty', 'string', '*', 'system|code or code: only this'),
      input('date', 'date', '1', 'day; default today (UTC)'),
      output('result', 'code', 1, '1', 'in-network, not-listed or unknown; never "out of network"'),
      output('asOf', 'instant', 0, '1', 'when the directory last changed'),
      output('release', 'string', 1, '1', 'change counter of the directory'),
      output('match', 'Element', 0, '*', `what says so. Parts: ${match}`),
      output('notActive', 'Element', 0, '*', 'as match, for another time; status is ended or not-started'),
      output('outcome', 'OperationOutcome', 0, '1', 'remarks'),
    ],
  };
}
