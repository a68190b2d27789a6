// Tables of the staff pages.
import { boolean, bytea, index, text } from 'drizzle-orm/pg-core';
import { instant, int64 } from '../../../src/db/columns.ts';
import { exchange } from '../../postgres-schema.ts';

/** Sign-ins in progress. */
export const staffSignIn = exchange.table(
  'staff_sign_in',
  {
    idHash: bytea().primaryKey(),
    state: text().notNull(),
    nonce: text().notNull(),
    verifier: text().notNull(),
    returnTo: text().notNull(),
    expiresAt: instant().notNull(),
    isFresh: boolean().default(false).notNull(),
  },
  (t) => [index('staff_sign_in_expiry').on(t.expiresAt)],
);

/** Sessions of staff. */
export const staffSession = exchange.table('staff_session', {
  idHash: bytea().primaryKey(),
  csrf: text().notNull(),
  subject: text().notNull(),
  name: text().notNull(),
  roles: text().array().notNull(),
  development: boolean().notNull(),
  createdAt: instant().notNull(),
  seenAt: instant().notNull(),
  expiresAt: instant().notNull(),
  authenticatedAt: instant(),
  sid: text(),
});

/** Purposes that staff state before they see unmasked data, for one session and page. */
export const staffReason = exchange.table(
  'staff_reason',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    session: bytea().notNull(),
    subject: text().notNull(),
    about: text().notNull(),
    purpose: text().notNull(),
    words: text().notNull(),
    at: instant().notNull(),
    endedAt: instant(),
    byNumber: boolean().default(false).notNull(),
  },
  (t) => [index('staff_reason_at').on(t.at), index('staff_reason_session').on(t.session, t.about)],
);

/** Emergency access of administrators, with its reason and time. */
export const emergencyAccess = exchange.table(
  'emergency_access',
  {
    id: text().primaryKey(),
    session: bytea().notNull(),
    subject: text().notNull(),
    reason: text().notNull(),
    beganAt: instant().notNull(),
    untilAt: instant().notNull(),
    endedAt: instant(),
  },
  (t) => [index('emergency_access_began').on(t.beganAt), index('emergency_access_session').on(t.session, t.untilAt)],
);
