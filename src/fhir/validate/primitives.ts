// The forms of primitive values, https://hl7.org/fhir/R4/datatypes.html#primitive and https://hl7.org/fhir/R4/json.html
import { isTime } from '../instant.ts';
import { ID_PATTERN } from '../resource.ts';

type Fault = 'wrong-json-type' | 'bad-format' | 'empty-element' | 'bad-id' | 'number-as-string';

/** Undefined when the value is right. */
export type Primitive = (value: unknown) => Fault | undefined;

const text =
  (fits: (value: string) => boolean): Primitive =>
  (value) => {
    if (typeof value !== 'string') return 'wrong-json-type';
    if (value === '') return 'empty-element';
    return fits(value) ? undefined : 'bad-format';
  };

const whole =
  (least: number): Primitive =>
  (value) => {
    if (typeof value !== 'number') return 'wrong-json-type';
    return Number.isInteger(value) && value >= least && value <= 2147483647 ? undefined : 'bad-format';
  };

const SPACE = /\s/;
const noSpace = (value: string) => !SPACE.test(value);

// one blank between words, none at the ends
const CODE = /^\S+(?:\s\S+)*$/;
const DATE = /^\d{4}(?:-\d\d(?:-\d\d)?)?$/;
const DATE_TIME = /^\d{4}(?:-\d\d(?:-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?)?$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?$/;
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/;
const UUID = /^urn:uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Characters of base64 in groups of four, white space allowed; one pass, because the data may be megabytes. */
function isBase64(value: string): boolean {
  let count = 0;
  let padding = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c === 32 || (c >= 9 && c <= 13)) continue;
    if (c === 61) padding++;
    else if (padding > 0) return false;
    else if (!((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 47 && c <= 57) || c === 43)) return false;
    count++;
  }
  return count > 0 && count % 4 === 0 && padding <= 2;
}

const isDay = (value: string) => DATE.test(value) && isTime(value);
const anyText = text(() => true);
/** Sources of US directories write identifiers as JSON numbers. What is meant is plain, so it is a finding of its own. */
const string: Primitive = (value) => (typeof value === 'number' ? 'number-as-string' : anyText(value));
const uri = text(noSpace);

export const PRIMITIVES: ReadonlyMap<string, Primitive> = new Map<string, Primitive>([
  ['base64Binary', text(isBase64)],
  ['boolean', (value) => (typeof value === 'boolean' ? undefined : 'wrong-json-type')],
  ['canonical', uri],
  ['code', text((value) => !SPACE.test(value) || CODE.test(value))],
  ['date', text(isDay)],
  ['dateTime', text((value) => isDay(value) || (DATE_TIME.test(value) && isTime(value)))],
  [
    'decimal',
    (value) => (typeof value !== 'number' ? 'wrong-json-type' : Number.isFinite(value) ? undefined : 'bad-format'),
  ],
  ['id', (value) => (typeof value !== 'string' ? 'wrong-json-type' : ID_PATTERN.test(value) ? undefined : 'bad-id')],
  ['instant', text((value) => INSTANT.test(value) && isTime(value))],
  ['integer', whole(-2147483648)],
  ['markdown', anyText],
  ['oid', text((value) => OID.test(value))],
  ['positiveInt', whole(1)],
  ['string', string],
  ['time', text((value) => TIME.test(value))],
  ['unsignedInt', whole(0)],
  ['uri', uri],
  ['url', uri],
  ['uuid', text((value) => UUID.test(value))],
  ['xhtml', text((value) => /^\s*(?:<\?xml[^>]*>\s*)?<div[\s>/]/.test(value))],
]);
