// What a peer's answers taught of the forms that it speaks, and how long that holds. Pure.
import type { Abilities, FetchForm, MatchForm } from './abilities.ts';

/** What it said itself (405, 501, `not-supported`) is tried again after this time. */
export const RELEARN_MS = 90 * 86_400_000;
/** What was taken from answers that may have been about those who were asked for, or a fault that passes, holds no longer than this. */
export const GUESS_MS = 2 * 86_400_000;

export type Learned = Pick<Abilities, 'lacks' | 'byGet' | 'guesses'>;
type Kept = { abilities: Abilities | null; abilitiesAt: Date | null };

/** What still holds; undefined when nothing was learned, or that is too long ago. */
export function learnedNow({ abilities, abilitiesAt }: Kept, now: Date): Learned | undefined {
  if (abilities === null || now.getTime() - (abilitiesAt?.getTime() ?? 0) >= RELEARN_MS) return undefined;
  const isOver = (form: string) => {
    const at = abilities.guesses?.[form];
    return at !== undefined && now.getTime() - Date.parse(at) >= GUESS_MS;
  };
  const lacks = abilities.lacks.filter((l) => !isOver(l));
  return { lacks, byGet: abilities.byGet, guesses: guessesOf(abilities.guesses, lacks) };
}

/** Those of forms that it is still taken to lack. */
export const guessesOf = (guesses: Abilities['guesses'], lacks: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(guesses ?? {}).filter(([form]) => lacks.includes(form)));

/** Is it asked otherwise than it offers, by what its answers taught? */
export const hasLearned = ({ abilities: a, takes }: Kept & { takes: number | null }): boolean =>
  takes !== null || (a !== null && (a.lacks.length > 0 || a.byGet));

/** From when on something of what it was found to lack is tried again. */
export function triedAgain({ abilities, abilitiesAt }: Kept): Date | undefined {
  if (abilities === null || (abilities.lacks.length === 0 && !abilities.byGet)) return undefined;
  const guessed = Object.values(guessesOf(abilities.guesses, abilities.lacks)).map((at) => Date.parse(at) + GUESS_MS);
  return new Date(Math.min(...guessed, (abilitiesAt?.getTime() ?? 0) + RELEARN_MS));
}

/** With a form that it was found to lack. `at`: when that was guessed; undefined when it said so. */
export function lacking(a: Abilities, form: MatchForm | FetchForm, at: Date | undefined): Abilities {
  const { [form]: _, ...others } = a.guesses ?? {};
  return {
    ...a,
    lacks: [...new Set([...a.lacks, form])],
    guesses: at === undefined ? others : { ...others, [form]: at.toISOString() },
  };
}
