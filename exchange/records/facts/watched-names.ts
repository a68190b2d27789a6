// Names that say what a record may hold. They are looked for once, when its members are counted: most records have none of them, and need
// not be looked through for what these would hold.
import { type Found, lookFor, TOLD, type Watched } from '../../../src/fhir/json-members.ts';

/** A day, or a time, that must be plausible. */
const DATES =
  'birthDate deceasedDateTime effectiveDateTime effectiveInstant performedDateTime occurrenceDateTime whenHandedOver whenPrepared servicedDate onsetDateTime onsetDate recordedDate issued authoredOn authored';

/** Bits; 1 is {@link TOLD}. */
export const HOLDS = {
  contained: 2,
  modifierExtension: 4,
  /** of an Attachment of any type */
  attachment: 8,
  data: 16,
  money: 32,
  presentedForm: 64,
  content: 128,
  photo: 256,
  /** what is said in the place of data */
  apart: 512,
} as const;

export const WATCHED: Watched = new Map<string, number>([
  ...DATES.split(' ').map((name) => [name, TOLD] as const),
  ['contained', HOLDS.contained],
  ['modifierExtension', HOLDS.modifierExtension],
  ['contentType', HOLDS.attachment],
  ['attachment', HOLDS.attachment],
  ['valueAttachment', HOLDS.attachment],
  ['contentAttachment', HOLDS.attachment],
  ['sourceAttachment', HOLDS.attachment],
  ['data', HOLDS.data],
  ['_data', HOLDS.apart],
  ['currency', HOLDS.money],
  ['valueMoney', HOLDS.money],
  ['unitPrice', HOLDS.money],
  ['allowedMoney', HOLDS.money],
  ['usedMoney', HOLDS.money],
  ['costToBeneficiary', HOLDS.money],
  ['presentedForm', HOLDS.presentedForm],
  ['content', HOLDS.content],
  ['photo', HOLDS.photo],
]);

/** What is watched of a record that was not looked at otherwise. */
export const watchedIn = (resource: unknown): Found => lookFor(WATCHED, resource);
