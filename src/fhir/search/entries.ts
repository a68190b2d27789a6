// What the index keeps of a resource.
import type { Area, Place } from './boundary.ts';
import type { Logical } from './logical.ts';

/** Times are milliseconds since 1970; an open end is infinite. `hi` is exclusive. */
export type DateEntry = { param: number; lo: number; hi: number };
export type WordEntry = { param: number; folded: string; raw: string | undefined };

export type Entries = {
  /** parameters whose element is there, for `:missing`; a reference that is only a display is one, a reason why there is none is not */
  params: number[];
  /** token forms beside the number each is hashed with */
  tokens: string[];
  tokenSeeds: number[];
  /** references as `Type/id`, or the whole URL when the target is elsewhere */
  refs: string[];
  refParams: number[];
  /** references by identifier alone, and forms that end with where one leads; few makers have them */
  logical?: Logical[];
  words: WordEntry[];
  dates: DateEntry[];
  /** words of names, for the vocabulary of the search that forgives */
  nameWords: string[];
  /** position of a Location */
  place?: Place | undefined;
  /** polygons of the boundary of a Location */
  areas?: Area[];
  /** when a successful verification was done, for the targets in `refs` */
  verified?: { lo: number; hi: number };
  /** opening hours as text of an int4multirange over the minutes of the week */
  hours?: string | undefined;
  /** first values of the keys of `_sort`, joined */
  sort?: string | undefined;
};

export const emptyEntries = (): Entries => ({
  params: [],
  tokens: [],
  tokenSeeds: [],
  refs: [],
  refParams: [],
  words: [],
  dates: [],
  nameWords: [],
});
