// What a client asked of an export, as it is kept with the job.

const OPERATIONS = ['davinci-data-export', 'export', 'export-v4'] as const;
export type ExportOperation = (typeof OPERATIONS)[number];

export type ExportParameters = {
  operation: ExportOperation;
  types?: string[];
  since?: string;
  until?: string;
  /** members asked for, of those granted */
  patients?: string[];
  /** how many were asked for who are not */
  ignoredPatients?: number;
  /** queries, as sent */
  filters?: string[];
  elements?: string[];
  /** of Provenance what is about a record that comes with it, and of that only the newest */
  relevantProvenance?: boolean;
  latestProvenance?: boolean;
  /** records in blocks of a patient, instead of files of a type */
  byPatient?: boolean;
  /** bytes that a file should have at least, and has at most */
  minimumFileSize?: number;
  maximumFileSize?: number;
  /** the manifest may come in pages */
  partial?: boolean;
  /** the status of the job is reported beside that of the answer */
  separateStatus?: boolean;
  notes?: string[];
  /** of how many it is at most; unknown of all who were matched for a peer */
  members?: number;
};
