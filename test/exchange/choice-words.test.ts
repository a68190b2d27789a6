// What members read of their choice.
import { expect, test } from 'vitest';
import { CHOICE_WORDS } from '../../exchange/members/consent/choice-texts.ts';

test('days are written as people write them, in either language, whatever the zone of the machine', () => {
  expect(CHOICE_WORDS.en.optedIn('2026-03-01')).toBe('You said yes on March 1, 2026.');
  expect(CHOICE_WORDS.es.declined('2026-12-31')).toBe('Usted dijo que no el 31 de diciembre de 2026.');
});
