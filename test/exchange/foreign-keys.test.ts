// Words that others wrote are looked up in tables of ours: those that every object knows are none of them.
import { expect, test } from 'vitest';
import { reviewState } from '../../exchange/reconcile/chain/authorizations.ts';
import { judgeAttachment } from '../../exchange/requester/client/judge-attachment.ts';
import { familyName } from '../../exchange/responder/match/normalize.ts';

const REVIEW_ACTION = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction';

import { authorizationFacts } from '../../exchange/records/facts/prior-authorization.ts';

const WORDS = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];

test('a code of a decision that is none is pended', () => {
  for (const code of WORDS) {
    expect(reviewState(code)).toBe('pended');
    const review = {
      url: REVIEW_ACTION,
      extension: [
        {
          url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewActionCode',
          valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
        },
      ],
    };
    const facts = authorizationFacts({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      created: '2026-01-02',
      adjudication: [{ extension: [review] }],
      item: [{ sequence: 1, adjudication: [{ extension: [review] }] }],
    });
    expect(typeof facts?.state, code).toBe('string');
  }
});

test('a family name is no suffix', () => {
  for (const word of WORDS) expect(familyName(`Ames ${word}`).suffix).toEqual([]);
});

test('a sign-in page that begins with the mark of UTF-8 is no document', () => {
  const head = Buffer.from('\uFEFF<!DOCTYPE html><title>Sign in</title>');
  const came = { media: 'text/plain', head, bytes: head.length, sha1: '', sha256: '' };
  expect(judgeAttachment({ media: 'text/plain', size: null, sha1: null, sha256: null }, came)).toMatchObject({
    reason: 'attachment-html',
  });
});
