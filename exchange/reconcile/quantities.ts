// Quantities as payers write them: one unit in many spellings, one measurement in several units. Pure.
import { isObject, type Json, type JsonObject, text } from '../../src/fhir/resource.ts';

/** What a unit measures, and how many of the common unit of that it is. `from`: what is taken off first. */
type Unit = { of: string; factor: number; from?: number };
const units = (of: string, factors: Readonly<Record<string, number>>): [string, Unit][] =>
  Object.entries(factors).map(([code, factor]) => [code, { of, factor }]);

/** By UCUM code; https://ucum.org/ucum. */
const UNITS: ReadonlyMap<string, Unit> = new Map<string, Unit>([
  // in g/L
  ...units('mass', {
    'g/L': 1,
    'g/dL': 10,
    'g/mL': 1000,
    'mg/dL': 0.01,
    'mg/L': 0.001,
    'mg/mL': 1,
    'ug/mL': 0.001,
    'ug/dL': 1e-5,
  }),
  ...units('mass', { 'ug/L': 1e-6, 'ng/mL': 1e-6, 'ng/dL': 1e-8, 'ng/L': 1e-9, 'pg/mL': 1e-9 }),
  // in mol/L
  ...units('substance', { 'mol/L': 1, 'mmol/L': 1e-3, 'umol/L': 1e-6, 'nmol/L': 1e-9, 'pmol/L': 1e-12 }),
  ...units('charge', { 'meq/L': 1e-3 }),
  // in one a litre
  ...units('count', {
    '10*3/uL': 1e9,
    '10*9/L': 1e9,
    'G/L': 1e9,
    '10*6/uL': 1e12,
    '10*12/L': 1e12,
    'T/L': 1e12,
    '/uL': 1e6,
    '/mL': 1e3,
    '/L': 1,
  }),
  // in units a litre
  ...units('activity', {
    'U/L': 1,
    '[iU]/L': 1,
    '[IU]/L': 1,
    'u[IU]/mL': 1e-3,
    'm[IU]/L': 1e-3,
    'm[IU]/mL': 1,
    '[IU]/mL': 1e3,
    'U/mL': 1e3,
    'mU/L': 1e-3,
  }),
  ...units('ratio', { '1': 1, '%': 0.01 }),
  ...units('length', { m: 1, cm: 0.01, mm: 0.001, '[in_i]': 0.0254, '[ft_i]': 0.3048 }),
  ...units('weight', { kg: 1, g: 0.001, '[lb_av]': 0.453_592_37, '[oz_av]': 0.028_349_523 }),
  ...units('pressure', { 'mm[Hg]': 1, kPa: 7.500_62 }),
  ...units('rate', { '/min': 1 }),
  ...units('filtration', { 'mL/min/{1.73_m2}': 1 }),
  ...units('sedimentation', { 'mm/h': 1 }),
  ...units('body mass', { 'kg/m2': 1 }),
  ...units('time', { s: 1, min: 60, h: 3600 }),
  ...units('volume', { fL: 1 }),
  ...units('cell mass', { pg: 1 }),
  ...units('acidity', { '[pH]': 1 }),
  ['Cel', { of: 'temperature', factor: 1 }],
  ['[degF]', { of: 'temperature', factor: 5 / 9, from: 32 }],
]);

/** Other spellings, in small letters and without blanks; each beside those that differ from a UCUM code in nothing else. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...[...UNITS.keys()].filter((code) => code !== 'G/L').map((code) => [code.toLowerCase(), code] as const),
  ...Object.entries({
    mmhg: 'mm[Hg]',
    '/minute': '/min',
    bpm: '/min',
    'beats/min': '/min',
    'beats/minute': '/min',
    'breaths/min': '/min',
    'breaths/minute': '/min',
    in: '[in_i]',
    inch: '[in_i]',
    inches: '[in_i]',
    ft: '[ft_i]',
    lb: '[lb_av]',
    lbs: '[lb_av]',
    oz: '[oz_av]',
    c: 'Cel',
    degc: 'Cel',
    '°c': 'Cel',
    f: '[degF]',
    degf: '[degF]',
    '°f': '[degF]',
    degreesc: 'Cel',
    degreecelsius: 'Cel',
    degreescelsius: 'Cel',
    celsius: 'Cel',
    degreesf: '[degF]',
    degreefahrenheit: '[degF]',
    degreesfahrenheit: '[degF]',
    fahrenheit: '[degF]',
    lb_av: '[lb_av]',
    oz_av: '[oz_av]',
    in_i: '[in_i]',
    ft_i: '[ft_i]',
    ratio: '1',
    percent: '%',
    'k/ul': '10*3/uL',
    'thou/ul': '10*3/uL',
    'thousand/ul': '10*3/uL',
    'm/ul': '10*6/uL',
    'mil/ul': '10*6/uL',
    'million/ul': '10*6/uL',
    'cells/ul': '/uL',
    '/mm3': '/uL',
    '10*3/mm3': '10*3/uL',
    'iu/l': '[IU]/L',
    'iu/ml': '[IU]/mL',
    'miu/l': 'm[IU]/L',
    'miu/ml': 'm[IU]/mL',
    'uiu/ml': 'u[IU]/mL',
    'units/l': 'U/L',
    'unit/l': 'U/L',
    'units/ml': 'U/mL',
    beatsperminute: '/min',
    breathsperminute: '/min',
    lbm: '[lb_av]',
    pound: '[lb_av]',
    pounds: '[lb_av]',
    kgs: 'kg',
    kilogram: 'kg',
    kilograms: 'kg',
    grams: 'g',
    centimeters: 'cm',
    'mm/hr': 'mm/h',
    'mm/hour': 'mm/h',
    'mm/1h': 'mm/h',
    'mm/1hr': 'mm/h',
    'kg/m^2': 'kg/m2',
    'kg/m²': 'kg/m2',
    'kg/m*2': 'kg/m2',
    'kg/(m2)': 'kg/m2',
    sec: 's',
    secs: 's',
    seconds: 's',
    femtoliters: 'fL',
    ph: '[pH]',
    phunits: '[pH]',
  }),
]);

/** Filtration is told for a body surface, which is a remark in UCUM and stands in as many spellings as there are laboratories. */
const BODY_SURFACE = /^ml\/\(?min\s*(?:[/.*]|per)?\s*[{[(]?\s*1[.,]73/i;

/** What it says of its unit: by its code, else by its word. As a UCUM code where it is one of those that are known. */
export function unitOf(q: JsonObject): string {
  const written = text(q['code']) ?? text(q['unit']) ?? '';
  if (BODY_SURFACE.test(written)) return 'mL/min/{1.73_m2}';
  // what stands in braces is a remark
  const bare = written.replace(/\{[^}]*\}/g, '').replace(/\s+/g, '');
  const code = bare === '' && written !== '' ? '1' : bare;
  if (UNITS.has(code)) return code;
  const plain = code
    .toLowerCase()
    .replace(/[µμ]/g, 'u')
    .replace(/mcg/g, 'ug')
    .replace(/mcl\b/g, 'ul')
    .replace(/^x?10(?:\*|\^|e)?\(?(\d{1,2})\)?\//, '10*$1/');
  return SPELLINGS.get(plain) ?? code;
}

/** Molar mass in g/mol, by LOINC of the measurement as mass concentration or as substance concentration. */
const MOLAR: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      [180.16, ['2345-7', '2339-0', '14749-6', '15074-8', '1558-6']], // glucose
      [386.65, ['2093-3', '14647-2', '2085-9', '14646-4', '13457-7', '22748-8', '18262-6']], // cholesterol
      [885.4, ['2571-8', '14927-8']], // triglycerides
      [113.12, ['2160-0', '14682-9']], // creatinine
      [28.01, ['3094-0', '22664-7']], // urea nitrogen
      [584.66, ['1975-2', '14631-6']], // bilirubin
      [40.08, ['17861-6', '2000-8']], // calcium
    ] as const
  ).flatMap(([mass, loincs]) => loincs.map((l) => [l, mass])),
);

/** LOINC of ions with one charge, of which an equivalent is a mole: sodium, potassium, chloride, bicarbonate, carbon dioxide, the gap. */
const ONE_CHARGE: ReadonlySet<string> = new Set([
  '2951-2',
  '2947-0',
  '2823-3',
  '6298-4',
  '2075-0',
  '2069-3',
  '1963-8',
  '2028-9',
  '2024-8',
  '33037-3',
  '1863-0',
  '10466-1',
]);

/** Its value in the common unit of what it measures. Mass, substance and charge of one measurement are led to one of them where they can be. */
function common(value: number, { of, factor, from }: Unit, loincs: readonly string[]): { of: string; value: number } {
  const plain = (value - (from ?? 0)) * factor;
  if (of === 'charge' && loincs.some((l) => ONE_CHARGE.has(l))) return { of: 'substance', value: plain };
  const molar = of === 'substance' ? loincs.map((l) => MOLAR[l]).find((m) => m !== undefined) : undefined;
  return molar === undefined ? { of, value: plain } : { of: 'mass', value: plain * molar };
}

const sameDigits = (x: number, y: number): boolean => Number(x.toPrecision(6)) === Number(y.toPrecision(6));

/** Half of the last digit that is written: what rounding may have taken. Zeros at the end are lost when a number is read. */
function rounding(value: number): number {
  const [digits = '', power = '0'] = String(value).toLowerCase().split('e');
  return 0.5 * 10 ** (Number(power) - (digits.split('.')[1]?.length ?? 0));
}

/**
 * Are two quantities the same value? Exact in one unit, however it is spelled, or where one says none, and in units of one size; when a unit is converted, within
 * what rounding makes of it and two and a half per cent, which a tenth of a mmol/L is of a low glucose: 37.3 degrees are not 98.6 Fahrenheit.
 * @param codes of the measurement, `system|code`: which molar mass holds
 */
export function sameQuantity(a: Json | undefined, b: Json | undefined, codes: readonly string[] = []): boolean {
  if (!isObject(a) || !isObject(b)) return a === undefined && b === undefined;
  const [x, y] = [a['value'], b['value']];
  if (typeof x !== 'number' || typeof y !== 'number') return x === y;
  if ((a['comparator'] ?? '') !== (b['comparator'] ?? '')) return false;
  const [ua, ub] = [unitOf(a), unitOf(b)];
  // who leaves the unit out means the usual one
  if (ua === ub || ua === '' || ub === '') return sameDigits(x, y);
  const [known, other] = [UNITS.get(ua), UNITS.get(ub)];
  if (known === undefined || other === undefined) return false;
  const loincs = codes.map((c) => c.slice(c.indexOf('|') + 1));
  const [ca, cb] = [common(x, known, loincs), common(y, other, loincs)];
  if (ca.of !== cb.of) return false;
  const [sa, sb] = [sizeOf(ca, x, known), sizeOf(cb, y, other)];
  if (sameDigits(sa, sb)) return sameDigits(x, y);
  const rounded = rounding(x) * sa + rounding(y) * sb;
  const most = 0.025 * Math.max(Math.abs(ca.value), Math.abs(cb.value));
  return Math.abs(ca.value - cb.value) <= Math.min(most, rounded * 1.001);
}

/** How many of the common unit one of its unit is. */
const sizeOf = (led: { value: number }, value: number, { factor, from = 0 }: Unit): number =>
  value === from ? factor : led.value / (value - from);
