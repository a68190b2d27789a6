// Why an input is not taken. Each line or Bundle entry that is refused gets one of these codes in the rejects file.
// docs/import.md lists this table.

export const REJECTS = {
  unreadable: 'The file could not be opened or read.',
  'damaged-gzip': 'The compressed file is cut off or damaged; what came before the damage was read.',
  'cut-off': 'The file ends in the midst of a row or value; what came before was read.',
  'not-utf8': 'The line is not valid UTF-8.',
  'too-large': 'A line over 16 MiB, or a JSON document over 128 MiB: split it or send it as NDJSON.',
  'not-json': 'The text is not valid JSON.',
  'not-an-object': 'The JSON value is not an object.',
  'no-type': 'resourceType is missing.',
  'no-id': 'The resource has no id, and an import never invents one.',
  'unsupported-type': 'Resources of this type are not kept here.',
  'unsupported-bundle': 'A Bundle must have type collection, searchset, transaction or batch.',
  'no-resource': 'The Bundle entry has neither a resource nor a deletion.',
  'not-data': 'The Bundle entry reports on a search (search.mode outcome).',
  'unsupported-request': 'The Bundle entry asks for something other than PUT, POST or DELETE.',
  'bad-request-url': 'The request of a Bundle entry does not name the resource as Type/id.',
  'invalid-resource': 'The resource is not valid base R4.',
  'not-a-member-record': 'Records of this type do not belong to a member.',
  'unsupported-subject': 'The subject of the record is not a Patient.',
  'no-member': 'The record names no Patient.',
  'holds-others': 'It contains, or states that it is about, another person than its member.',
  'unknown-member': 'The record or row names no member that this node knows.',
  'invalid-enrolment': 'The row of the enrolment file has a fault.',
  'invalid-row': 'The row of a table has a fault: nothing of it is imported.',
  'left-out': 'A value of the row could not be read and was left out; the rest of the row is imported.',
  'strict-finding': 'The resource has a finding and the import was asked to be strict.',
} as const satisfies Record<string, string>;

export type RejectCode = keyof typeof REJECTS;

/** The import cannot start: the message is one sentence for the person who typed the command. */
export class ImportFault extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ImportFault';
  }
}
