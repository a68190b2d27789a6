// Words of a payer that come near what is looked for, over and over: each look must end in time that grows with their length alone. One that
// looked again from each place would not end with these before the test is given up.
import { expect, test } from 'vitest';
import {
  isAmountExtension,
  isCurrencyUnit,
  mayTellMoney,
  wordsTellMoney,
} from '../../exchange/records/facts/money-words.ts';
import { tellsDenial } from '../../exchange/records/facts/review-action.ts';

const LENGTH = 1_500_000;
const NEAR = [
  'fee ',
  'copay of no 1,1',
  'CAD 1',
  '1,',
  'CAD414.0 ',
  '&amp;',
  '<a ',
  '$ '.replace('$', '\u00a0'),
  'if a ',
  'services that are ',
  'services were s s ',
  "plan's ",
  'may be a ',
  'does not meet a b ',
  'criteria were ',
  'to avoid a ',
  'without an ',
  'responsible for any ',
];

test.each(NEAR)('over and over: %j', (near) => {
  const words = near.repeat(LENGTH / near.length);
  expect([tellsDenial(words), wordsTellMoney(words), isCurrencyUnit(words)]).toEqual([false, false, false]);
  // what is looked for stands at the end
  expect(tellsDenial(`${words} was denied`)).toBe(true);
  expect(wordsTellMoney(`${words} and $5`)).toBe(true);
});

test.each(['charge', 'patient-', 'copay', 'price/'])('addresses of %j over and over', (near) => {
  const url = near.repeat(LENGTH / near.length);
  expect(isAmountExtension({ url: `${url}!`, valueDecimal: 1 }, true)).toBe(false);
  expect(mayTellMoney(`"url":"${url}!"`)).toBe(false);
  expect(mayTellMoney(`"url":"${url}!","url":"x-copay"`)).toBe(true);
});
