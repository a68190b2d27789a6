// What holds of the choices of two members who are merged and unmerged (docs/decisions/022). What no one said is a
// choice of its own that names no one.

import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { addChoice, type ChoiceRow, memberChoices } from '../consent/choice-rows.ts';
import { localDay } from '../deadlines/business-day.ts';
import { AS_BEFORE, type Merge, NOBODY_SAID } from './member-merge.ts';

type Needs = Pick<Deps, 'clock' | 'config'>;
type Who = { subject: string };

const STRICTER = { sensitive: 'regular', regular: 'regular' } as const;

/** What holds of two choices that were made under two numbers: what both allow. Undefined when nothing new has to be said. Pure. */
export function stricterOf(
  a: Pick<ChoiceRow, 'choice' | 'policy' | 'payers'> | undefined,
  b: Pick<ChoiceRow, 'choice' | 'policy' | 'payers'> | undefined,
): Pick<ChoiceRow, 'choice' | 'policy' | 'payers'> | undefined {
  if (a === undefined || b === undefined) return undefined;
  const [yesA, yesB] = [a.choice === 'opt-in', b.choice === 'opt-in'];
  if (!yesA && !yesB) return undefined;
  const refused = { choice: 'withdraw', policy: 'regular', payers: 'both' } as const;
  if (yesA !== yesB) return refused;
  if (a.policy === b.policy && a.payers === b.payers) return undefined;
  const payers = a.payers === b.payers || b.payers === 'both' ? a.payers : a.payers === 'both' ? b.payers : undefined;
  if (payers === undefined) return refused;
  return { choice: 'opt-in', policy: a.policy === b.policy ? a.policy : STRICTER[a.policy], payers };
}

export async function saidByNobody(
  tx: Queryable,
  deps: Needs,
  memberId: string,
  choice: Pick<ChoiceRow, 'choice' | 'policy' | 'payers'>,
  who: Who,
  source: string,
): Promise<void> {
  const at = deps.clock();
  await addChoice(tx, {
    ...choice,
    memberId,
    recordedOn: localDay(at, deps.config.timeZone),
    givenAt: at,
    givenBy: 'member',
    representative: null,
    authority: null,
    channel: null,
    textSha256: null,
    document: null,
    verification: null,
    recordedBy: who.subject,
    source,
  });
}

const SAID_AGAIN = /, as another member$|^two members merged/;

/**
 * What held for the one that stayed came from the other: what it had chosen itself holds again; of someone who had not
 * chosen, nothing may be asked.
 */
export async function ownChoice(tx: Queryable, deps: Needs, { memberId }: Merge, who: Who): Promise<void> {
  const choices = await memberChoices(tx, memberId);
  const [held] = choices;
  if (held === undefined || !SAID_AGAIN.test(held.source)) return;
  const own = choices.find((c) => !SAID_AGAIN.test(c.source));
  const { choice, policy, payers } = own ?? { choice: 'withdraw', policy: 'regular', payers: 'both' };
  if (held.choice === choice && held.policy === policy && held.payers === payers) return;
  await saidByNobody(tx, deps, memberId, { choice, policy, payers }, who, `${NOBODY_SAID}again: ${AS_BEFORE}`);
}

/** What someone said while the two were one, last. */
export const saidSince = async (tx: Queryable, { memberId, at }: Merge): Promise<ChoiceRow | undefined> =>
  (await memberChoices(tx, memberId)).find(
    (c) => c.createdAt >= at && !SAID_AGAIN.test(c.source) && !c.source.startsWith(NOBODY_SAID),
  );

/** Which of the two it was no one knows: what it forbids holds for the former one too, until that one chooses. */
export async function alsoOfFormer(
  tx: Queryable,
  deps: Needs,
  { formerId }: Merge,
  since: ChoiceRow,
  who: Who,
): Promise<void> {
  const [own] = await memberChoices(tx, formerId);
  const both = stricterOf(own, since);
  if (own === undefined || both === undefined) return;
  if (own.choice === both.choice && own.policy === both.policy && own.payers === both.payers) return;
  if (own.choice !== 'opt-in' && both.choice !== 'opt-in') return;
  await saidByNobody(
    tx,
    deps,
    formerId,
    both,
    who,
    `${NOBODY_SAID}again: what was said while they were one allows no more`,
  );
}
