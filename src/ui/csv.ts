// CSV, RFC 4180: UTF-8, CRLF, every field quoted that needs it. Fields that a spreadsheet would take for a formula begin
// with an apostrophe.

export type CsvValue = string | number | boolean | null;

/** One field. Numbers stay numbers, also negative ones; only text is guarded. */
export function csvField(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const guarded = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** A header row and rows, each ended by CRLF. */
export function csv(header: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}
