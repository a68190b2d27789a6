// The merged directory: our own records and those of other payers, in the tables that the directory has.
import { snakeCase } from 'drizzle-orm/pg-core';
import { directoryTables } from '../schema.ts';

export const merged = snakeCase.schema('merged');
export const {
  resource,
  history,
  lookup,
  words,
  dates,
  vocabulary,
  place,
  boundary,
  careAt,
  verification,
  opening,
  logical,
  state,
  publication,
  fileSet,
  setFile,
  currentSet,
  publishLease,
} = directoryTables(merged);
