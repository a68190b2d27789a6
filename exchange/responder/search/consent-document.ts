// The original of a consent of ours, for the payer that was sent it: hrex-consent wants its sourceReference to lead to a DocumentReference.
// https://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html
import type { DocumentReference } from 'fhir/r4.js';
import type { Deps } from '../../../src/deps.ts';
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { CHOICE_WORDS } from '../../members/consent/choice-texts.ts';
import { isChannel } from '../../members/consent/record-choice.ts';
import type { SentChoice } from '../../members/consent/sent-choice.ts';
import { ourselves } from '../../plan.ts';

const WORDS = CHOICE_WORDS.en;

/** What was chosen, and how: no more than the Consent says, and what the member was shown. Pure. */
function recordOf(c: SentChoice): string {
  const by = c.isByRepresentative
    ? `By ${c.representative ?? 'a person not known'}, for the member (${c.authority ?? 'by a right not known'}).`
    : 'By the member.';
  const channel = c.channel !== null && isChannel(c.channel) ? WORDS.channels[c.channel] : undefined;
  return [
    `The member said yes on ${c.recordedOn}: “${WORDS.optIn}”`,
    `${WORDS.whichPayers}: ${WORDS[c.payers]}.`,
    c.policy === 'sensitive' ? WORDS.sensitive : 'Without sensitive information.',
    by,
    ...(channel === undefined ? [] : [`Given by: ${channel}.`]),
    ...(c.document === null ? [] : [`Kept as: ${c.document}.`]),
    ...(c.holds ? [] : ['The member has chosen again since.']),
  ].join('\n');
}

const inline = (words: string) => Buffer.from(words).toString('base64');

/** @param id of the consent, under which it was named */
export function choiceDocument({ config }: Pick<Deps, 'config'>, id: string, c: SentChoice): DocumentReference {
  const us = ourselves(config);
  return {
    resourceType: 'DocumentReference',
    id,
    status: c.holds ? 'current' : 'superseded',
    type: { text: 'Consent to the exchange of health records between payers' },
    date: c.createdAt.toISOString(),
    custodian: { ...(us.npi === null ? {} : { identifier: { system: NPI_SYSTEM, value: us.npi } }), display: us.name },
    content: [
      { attachment: { contentType: 'text/plain; charset=utf-8', title: 'The choice', data: inline(recordOf(c)) } },
      ...(c.shown === null
        ? []
        : [
            {
              attachment: {
                contentType: 'text/plain; charset=utf-8',
                ...(c.language === null ? {} : { language: c.language }),
                title: 'What the member was shown',
                data: inline(c.shown),
              },
            },
          ]),
    ],
  };
}
