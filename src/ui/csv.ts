// CSV, RFC 4180: UTF-8, CRLF, every field quoted that needs it. Text that a spreadsheet would take for a formula begins with an apostrophe.
import { type Options, stringify } from 'csv-stringify/sync';

export type CsvValue = string | number | boolean | null;

const FORM: Options = {
  record_delimiter: '\r\n',
  quote_record_delimiter: true,
  escape_formulas: true,
  cast: { boolean: String },
};

/** One row, ended by CRLF. */
export const csvRow = (row: readonly CsvValue[]): string => stringify([[...row]], FORM);

/** A header row and rows, each ended by CRLF. */
export const csv = (header: readonly string[], rows: readonly (readonly CsvValue[])[]): string =>
  stringify([header, ...rows], FORM);
