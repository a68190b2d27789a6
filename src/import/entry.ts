// What reading an import gives: one entry for each resource, deletion or fault.
import type { Resource } from '../fhir/resource.ts';
import type { RejectCode } from './reject.ts';

/**
 * Where an entry stands: the file, its line from 1 (0: the file as a whole) and, in a Bundle, the entry from 0. A
 * document over several lines counts as line 1.
 */
export type Place = { source: string; line: number; entry?: number };

/** One resource, one deletion (empty text), or a reason why there is none. `unread`: from there on the file could not be read, or may be cut off. */
export type ImportEntry =
  | (Place & { text: string; resource: Resource; request?: { method: 'PUT'; url: string } })
  | (Place & { text: ''; resource: undefined; request: { method: 'DELETE'; url: string } })
  | (Place & { fault: RejectCode; message: string; unread?: true });

/** Bytes are those of the files as they lie on disk; entries include faults. */
export type Progress = { bytesRead: number; bytesTotal: number; entries: number };
