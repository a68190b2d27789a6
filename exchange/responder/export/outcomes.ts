// What a client is informed about an export beside its records: the OperationOutcomes of the manifest's `error`.
// https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
import type { NdjsonFiles } from '../../../src/blobs/ndjson-files.ts';
import { operationOutcome } from '../../../src/fhir/outcome.ts';
import type { ExportParameters } from './export-parameters.ts';

/** Said of every answer alike: said only where something was left out, it would tell of a member that there is something. */
const LAW =
  'Records that the law keeps back are not part of an answer: those of 42 CFR Part 2, and under the consent policy #regular all that federal or state law calls sensitive. Every answer says this, whether or not there are any.';

/** What the client should know, without naming a member or a category of what was left out. */
export async function writeOutcomes(
  files: NdjsonFiles,
  parameters: ExportParameters,
  lost: { members: number; undecided: boolean },
): Promise<void> {
  const note = async (
    severity: 'information' | 'warning',
    code: 'informational' | 'not-found' | 'suppressed' | 'incomplete',
    textOf: string,
  ) => files.write('error', 'OperationOutcome', JSON.stringify(operationOutcome(severity, code, textOf)));
  await note('information', 'suppressed', LAW);
  for (const text of parameters.notes ?? []) await note('information', 'informational', text);
  for (let i = 0; i < (parameters.ignoredPatients ?? 0); i++)
    await note('warning', 'not-found', 'A patient of the request is not a member of the Group and was left out.');
  if (lost.undecided)
    await note(
      'warning',
      'incomplete',
      'Records that are being decided again after an update of this server were left out. The next export with _since brings them.',
    );
  if (lost.members > 0)
    await note(
      'information',
      'suppressed',
      'Some members of the Group are no longer covered by a consent and were left out.',
    );
}
