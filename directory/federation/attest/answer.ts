// What a provider answered: which pieces are right, what is wrong with others, and who says so. Pure.
import { z } from 'zod';
import { addDays, type Day, nextBusinessDay } from '../../../src/calendar/federal.ts';
import { readFields, trimmed, typed } from '../../../src/http/validate.ts';

const PERSON = z.object({ who: trimmed.transform((text) => text.slice(0, 200)), may: typed });

export type Answered = { right: string[]; wrong: { key: string; said: string }[]; who: string };
export type AnswerFault = 'no-who' | 'may-not' | 'not-all' | 'what-is-wrong';

const LONGEST = 1000;

/** Reads the form over the pieces that were shown; all faults need the person. */
export function readAnswer(form: URLSearchParams, keys: readonly string[]): Answered | { fault: AnswerFault } {
  const { who, may } = readFields(PERSON, form);
  if (who === '') return { fault: 'no-who' };
  if (may !== 'on') return { fault: 'may-not' };
  const right: string[] = [];
  const wrong: { key: string; said: string }[] = [];
  for (const key of keys) {
    const said = (form.get(`said ${key}`) ?? '').trim().slice(0, LONGEST);
    const verdict = form.get(`is ${key}`);
    if (verdict === 'right') right.push(key);
    else if (verdict !== 'wrong') return { fault: 'not-all' };
    else if (said === '') return { fault: 'what-is-wrong' };
    else wrong.push({ key, said });
  }
  return { right, wrong, who };
}

/**
 * By when a change that was received must be shown: within two business days (No Surprises Act, section 116), and at the latest
 * within thirty days (42 CFR 422.111(m)).
 */
export function correctionDue(received: Day, extraHolidays: readonly Day[]): { dueOn: Day; finalOn: Day } {
  return {
    dueOn: nextBusinessDay(nextBusinessDay(received, extraHolidays), extraHolidays),
    finalOn: addDays(received, 30),
  };
}
