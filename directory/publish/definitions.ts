// OperationDefinitions of the operations that publish the directory. https://hl7.org/fhir/R4/operationdefinition.html
import type { OperationDefinition, OperationDefinitionParameter } from 'fhir/r4.js';

type Input = [name: string, type: OperationDefinitionParameter['type'] & string, max: string, documentation: string];

const inputs = (list: readonly Input[]): OperationDefinitionParameter[] =>
  list.map(([name, type, max, documentation]) => ({ name, use: 'in', min: 0, max, type, documentation }));

function definition(
  base: string,
  date: string,
  given: Pick<OperationDefinition, 'code' | 'name' | 'title' | 'description'> & { code: string },
  parameter: OperationDefinitionParameter[],
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    id: given.code,
    url: `${base}/OperationDefinition/${given.code}`,
    ...given,
    status: 'active',
    kind: 'operation',
    date,
    affectsState: false,
    system: true,
    type: false,
    instance: false,
    ...(given.code === 'export' ? { base: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export' } : {}),
    ...(parameter.length === 0 ? {} : { parameter }),
  };
}

export const bulkDefinition = (base: string, date: string): OperationDefinition =>
  definition(
    base,
    date,
    {
      code: 'bulk-publish',
      name: 'BulkPublish',
      title: 'The directory as static files, with the changes since',
      description:
        'GET gives a manifest (application/json) of Bulk Data Access 4.0.0-ballot: NDJSON files of the newest snapshot, and a next link to the chain of changes.',
    },
    [],
  );

export function publishDefinitions(base: string, date: string): OperationDefinition[] {
  return [
    bulkDefinition(base, date),
    definition(
      base,
      date,
      {
        code: 'export',
        name: 'DirectoryExport',
        title: 'The directory as NDJSON files',
        description:
          'GET or POST gives 202 with the status URL in Content-Location, as in Bulk Data Access 2.0.0 and 3.0.0. Without filters it is answered at once from the newest publication.',
      },
      inputs([
        ['_type', 'string', '*', 'types, a comma list or repeated; absent: all'],
        ['_since', 'instant', '1', 'only what changed after this, and what was deleted after it'],
        ['_until', 'instant', '1', 'only what last changed up to this'],
        ['_typeFilter', 'string', '*', 'Type?search, without chains and without parameters of the result'],
        ['_elements', 'string', '*', 'top-level elements to keep, of all types or as Type.element'],
        ['_outputFormat', 'string', '1', 'application/fhir+ndjson'],
      ]),
    ),
  ];
}
