// What a search asks of a resource: the conditions that reading a query makes and the store turns into SQL.
import type { NameQuery } from '../../names/name-words.ts';
import type { Point } from './boundary.ts';
import type { Circle } from './near.ts';
import type { DirectoryType } from './types.ts';
import type { DateTest } from './values.ts';

export type Word = {
  folded: string;
  /** what the value as stored must begin with, or equal, or hold: for queries with accents and for :exact */
  raw: string | undefined;
};

/** Values are alternatives. `seed` is the number their hashes are made with. */
export type Criterion =
  /** `scarce`: few directories have any row of it; the store looks before a search whether this one does */
  | ({ kind: 'token'; seed: number; forms: string[]; negated: boolean; scarce?: true } & Together)
  | ({ kind: 'reference'; seed: number; keys: string[] } & Together)
  | StringCriterion
  /** `whole`: its rows are read once as a set; the store says so */
  | { kind: 'date'; param: number; tests: DateTest[]; whole?: true }
  | { kind: 'id'; keys: string[] }
  | { kind: 'last-updated'; tests: DateTest[] }
  | ({ kind: 'missing'; param: number; missing: boolean } & Few)
  | LikeCriterion
  /**
   * `many`: so many rows meet it that a search does better to begin elsewhere; `whole`: what the reference leads to is found once, and not
   * asked of each; the store says so
   */
  | { kind: 'chain'; seed: number; target: DirectoryType; of: Criterion; many?: true; whole?: true }
  | { kind: 'reverse-chain'; param: number; source: DirectoryType; of: Criterion; many?: true }
  | FurtherCriterion;

/**
 * `together`: its rows are read along with those of another criterion, not looked up one by one; `listed`: they are looked for among a
 * list of those of another; `whole`: of several tokens, its rows are read once as a set; `met`: they are joined with those of a word;
 * the store says so
 */
type Together = { together?: true; listed?: true; whole?: true; met?: true };

export type StringCriterion = {
  kind: 'string';
  params: number[];
  match: 'starts' | 'exact' | 'contains';
  words: Word[];
  /** the frequent ones of the words that begin so, when they are to be read in order of their rows; the store says so */
  frequent?: { param: number; folded: string }[];
} & Together;

/** `few`: few rows meet it, by what they have and lack; the store says so */
type Few = { few?: true };

/** A name that may be misspelt. The store finds the words of its vocabulary that are meant. */
export type LikeCriterion = NameQuery & {
  kind: 'like';
  /** number of the tokens of further words */
  seed: number;
  /** parameters whose values begin with the word */
  params: number[];
  /** the parameter of family names, when people are searched */
  family: number | undefined;
  /** the parameter of given names, and the place of the first one in the keys by which people are sorted */
  given: number | undefined;
  givenPlace: number;
  /** words of the vocabulary that answer; undefined until the store has looked */
  found: LikeWord[] | undefined;
};
/** A word of the vocabulary that answers the word of the query at this place, how well from 0 to 1. */
export type LikeWord = { word: string; at: number; weight: number };

export type CriterionOptions = {
  base: string;
  now: Date;
  /** days after which a verification no longer counts, by default 90 */
  staleDays?: number;
};

type FurtherCriterion =
  | ({ kind: 'any'; of: Criterion[] } & Few)
  | ({ kind: 'all'; type: DirectoryType; of: Criterion[] } & Few)
  | ({ kind: 'none'; of: Criterion } & Few)
  /** a mark in the row of the resource */
  | ({ kind: 'mark'; param: number } & Few)
  /** `found`: the places, when the store has looked */
  | { kind: 'near'; circles: Circle[]; found?: { rk: string; distance: number }[] }
  /**
   * of a role: one of these forms of its specialty at a place in the circles, and in one of the networks; the store makes it of several.
   * `found`: further roles that have no such entry, with their distances in meters
   */
  | {
      kind: 'care-at';
      forms: string[];
      squares: number[];
      circles: Circle[];
      networks: string[] | undefined;
      found?: { rk: string; distance: string }[];
    }
  /**
   * of a person: a family name and a given name that begin so; the store makes it of both. `frequent`: the frequent family names that
   * do, in order of their bytes; `rows`: how many people, roughly
   */
  | { kind: 'full-name'; family: string; given: string; frequent: string[]; rows: number }
  | { kind: 'contains'; points: Point[] }
  /** days [from, to) in milliseconds; no period holds always */
  | { kind: 'active-on'; param: number; days: DateTest[] }
  /** minutes of the week, [from, to); undefined: no hours are stated */
  | { kind: 'open-at'; spans: [number, number][] | undefined }
  /** tests of the latest successful verification; without tests whether there is none */
  | { kind: 'last-verified'; tests: DateTest[] | undefined; missing: boolean }
  /** verified at or after this time */
  | { kind: 'fresh'; since: number };
