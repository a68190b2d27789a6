// The manifest of a finished job. Two forms: that of Bulk Data 2.0 and 3.0 with the members of later editions that older
// readers ignore, and that of 4.0. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
import { formatInstant } from '../../../src/fhir/instant.ts';
import type { BulkFile, BulkJob } from '../bulk-job.ts';
import type { ExportParameters } from './export-parameters.ts';

/** Files of one page, for clients that allow pages. */
const MANIFEST_PAGE = 1000;

/** @param page counts from 1. @returns undefined when there is no such page */
export function manifest(
  job: BulkJob,
  files: readonly BulkFile[],
  fhirBase: string,
  page = 1,
): Record<string, unknown> | undefined {
  const parameters = job.parameters as Partial<ExportParameters>;
  const isFourth = parameters.operation === 'export-v4';
  const isByPatient = parameters.byPatient === true;
  const urlOf = (id: string) => `${fhirBase}/$export-file/${job.id}/${id}.ndjson`;
  const size = parameters.partial === true ? MANIFEST_PAGE : Math.max(1, files.length);
  const pages = Math.max(1, Math.ceil(files.length / size));
  if (page > pages) return undefined;
  const shown = files.slice((page - 1) * size, page * size);
  const list = (kind: BulkFile['kind']) =>
    shown
      .filter((f) => f.kind === kind)
      .map((f) => ({
        ...((kind === 'output' ? isByPatient : isFourth) ? {} : { type: f.type }),
        url: urlOf(f.id),
        count: f.lines,
        fileSize: f.bytes,
        ...(f.continuesIn === null ? {} : { continuesInFile: urlOf(f.continuesIn) }),
      }));
  return {
    transactionTime: formatInstant(job.transactionTime ?? job.completedAt ?? job.receivedAt),
    ...(isFourth ? {} : { request: job.requestUrl }),
    requiresAccessToken: true,
    manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
    outputFormat: 'application/fhir+ndjson',
    ...(isByPatient ? { outputOrganizedBy: 'Patient' } : {}),
    output: list('output'),
    deleted: list('deleted'),
    [isFourth ? 'outcome' : 'error']: list('error'),
    ...(page < pages
      ? { link: [{ relation: 'next', url: `${fhirBase}/$export-status/${job.id}?page=${page + 1}` }] }
      : {}),
  };
}
