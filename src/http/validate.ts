// Fields of forms and page queries, read by zod schemas.
import { z } from 'zod';

/** Fields of a form or query as its schema reads them; of a name that comes twice the first value. The schema takes whatever is typed. */
export function readFields<T extends z.ZodType>(schema: T, fields: URLSearchParams): z.output<T> {
  // of equal names the last one counts in an object
  return schema.parse(Object.fromEntries([...fields].reverse()));
}

/** A text as it was typed; empty when there is none. */
export const typed = z.string().default('');
/** A text without blanks around it. */
export const trimmed = z.string().trim().default('');
/** A text, or undefined where it is missing or empty. */
export const given = z
  .string()
  .optional()
  .transform((text) => text || undefined);
/** One of the known values; anything else is not there. */
export const oneOf = <const T extends readonly [string, ...string[]]>(...known: T) =>
  z.enum(known).optional().catch(undefined);
/** A key of a table; anything else is not there. */
export const keyOf = <T extends Record<string, unknown>>(table: T) =>
  z
    .custom<keyof T & string>((value) => typeof value === 'string' && Object.hasOwn(table, value))
    .optional()
    .catch(undefined);
/** A text of this form; anything else is not there. */
export const matching = (pattern: RegExp) => z.string().regex(pattern).optional().catch(undefined);
