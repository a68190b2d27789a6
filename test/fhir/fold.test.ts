import { expect, test } from 'vitest';
import { foldCase, hasAccents, searchForm } from '../../src/fhir/fold.ts';

test.each([
  ['José  MÜLLER', 'jose muller'],
  ['ＳＭＩＴＨ', 'smith'],
  ['ﬁnch ﬂ', 'finch fl'],
  ['№ 5 ℡ ㏈', 'no 5 tel db'],
  ['ᴭrger', 'aerger'],
  ['ℋill ⅣⅣ', 'hill iviv'],
  ['ΠΑΠΑΣ', 'παπασ'],
  ['Παπάς', 'παπασ'],
  ['Παπασταθόπουλος', 'παπασταθοπουλοσ'],
  ['İzmir', 'izmir'],
  ['Strauß', 'strauss'],
])('%s is searched as %s', (text, form) => {
  expect(searchForm(text)).toBe(form);
  expect(searchForm(form)).toBe(form);
});

test('compatibility forms and a sigma at the end of a word are no accents', () => {
  for (const text of ['ＳＭＩＴＨ', 'ﬁnch', 'παπας', 'ΠΑΠΑΣ', 'smith', 'İzmir']) expect(hasAccents(text)).toBe(false);
  for (const text of ['Παπάς', 'ﬁancé', 'Núñez', 'Strauß', 'Łoś']) expect(hasAccents(text)).toBe(true);
  expect(foldCase('ﬁanCÉ')).toBe('fiancé');
});
