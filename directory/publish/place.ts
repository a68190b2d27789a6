// Where a base publishes its files: our own directory at the origin, the merged view below its own base.
import type { Queryable } from '../../src/db/database.ts';

/** Peers whose records may be handed on, and those whose records stay here. Slugs in order. */
export type Among = { republished: string[]; kept: string[] };

export type Place = {
  /** path of its pages and files */
  path: string;
  /** first part of the keys of its files */
  folder: string;
  /** of the merged view: whose records are in it beside ours */
  among?: (sql: Queryable) => Promise<Among>;
};

/** Our own directory. */
export const OWN: Place = { path: '/publications', folder: 'publication' };

/** Where the pages of a chain and the files have their names. */
export const bulkPath = (place: Place) => `${place.path}/bulk`;
export const filesPath = (place: Place) => `${place.path}/files`;
