import { expect, test } from 'vitest';
import { unpaired } from './world-pairs.ts';

const key = 'A C3-match 2027-04-16 2027-04-19';
const ANSWERED = { key, fates: ['met'] };
const UNSEEN = { key, fates: ['met', 'ended'] };
const [met, ended] = [
  { key, fate: 'met' },
  { key, fate: 'ended' },
];

test('what is told of duties of one day is true in whatever order it is told', () => {
  for (const told of [
    [met, ended],
    [ended, met],
  ])
    for (const owed of [
      [ANSWERED, UNSEEN],
      [UNSEEN, ANSWERED],
    ])
      expect(unpaired(told, owed)).toEqual({ told: [], owed: [] });
});

test('what is not true of any is left', () => {
  expect(unpaired([ended, ended], [UNSEEN, ANSWERED])).toEqual({ told: [ended], owed: [ANSWERED] });
  expect(unpaired([met, met, met], [UNSEEN, ANSWERED])).toEqual({ told: [met], owed: [] });
  expect(unpaired([met], [{ ...UNSEEN, key: 'other' }])).toEqual({ told: [met], owed: [{ ...UNSEEN, key: 'other' }] });
});
