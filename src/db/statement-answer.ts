// What a server answers to one statement, read where it lies: its rows as places in memory, or its error.
// https://www.postgresql.org/docs/current/protocol-message-formats.html

/** Kinds of messages of the server. */
const ROW = 0x44;
const PARSED = 0x31;
const FAULT = 0x45;
const SUSPENDED = 0x73;
export const READY = 0x5a;
/** A message: a byte that names its kind, then its length without that byte. */
export const HEAD = 5;

export type Fault = { code: string; message: string; routine: string };

/** Rows lie between `begin` and `end`; `places` as of rowsOf (src/db/raw-rows.ts). `isSuspended`: there are further rows. */
export type AnswerRead = {
  fault: Fault | undefined;
  isParsed: boolean;
  isSuspended: boolean;
  begin: number;
  end: number;
  places: number[];
  rows: number;
};

export const uint32 = (b: Buffer, at: number): number =>
  (((b[at] ?? 0) << 24) | ((b[at + 1] ?? 0) << 16) | ((b[at + 2] ?? 0) << 8) | (b[at + 3] ?? 0)) >>> 0;

/** Fields of an error. https://www.postgresql.org/docs/current/protocol-error-fields.html */
function readFault(memory: Buffer, from: number, to: number): Fault {
  const fields: Record<string, string> = {};
  for (const field of memory.toString('utf8', from + HEAD, to).split('\0'))
    if (field !== '') fields[field.charAt(0)] = field.slice(1);
  return { code: fields['C'] ?? 'XX000', message: fields['M'] ?? '', routine: fields['R'] ?? '' };
}

/** The messages of one answer, from its first to the last. */
export function readAnswer(memory: Buffer, from: number, to: number): AnswerRead {
  let fault: Fault | undefined;
  let isParsed = false;
  let isSuspended = false;
  const places: number[] = [];
  let rows = 0;
  let begin = 0;
  let end = 0;
  for (let at = from; at < to; ) {
    const after = at + 1 + uint32(memory, at + 1);
    const kind = memory[at];
    if (kind === ROW) {
      if (rows++ === 0) begin = at;
      end = after;
      let place = at + HEAD + 2;
      for (let left = ((memory[at + HEAD] ?? 0) << 8) | (memory[at + HEAD + 1] ?? 0); left > 0; left--) {
        const length = uint32(memory, place) | 0;
        place += 4;
        if (length < 0) places.push(-1, -1);
        else {
          places.push(place - begin, place - begin + length);
          place += length;
        }
      }
    } else if (kind === FAULT) fault = readFault(memory, at, after);
    else if (kind === PARSED) isParsed = true;
    else if (kind === SUSPENDED) isSuspended = true;
    at = after;
  }
  return { fault, isParsed, isSuspended, begin, end, places, rows };
}
