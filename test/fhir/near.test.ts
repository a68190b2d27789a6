// What `near` and `near-zip` take, and what they refuse. https://hl7.org/fhir/R4/location.html#search
import { describe, expect, test } from 'vitest';
import { Outcome } from '../../src/fhir/outcome.ts';
import { readNear, readNearZip } from '../../src/fhir/search/near.ts';

const MILE = 1609.344;

describe('near', () => {
  test.each([
    ['1|2|3', [1, 2, 3000, 'km']], // "If the units are omitted, then kms should be assumed"
    ['41.7|-72.6', [41.7, -72.6, 50_000, 'km']],
    ['41.7|-72.6|', [41.7, -72.6, 50_000, 'km']],
    ['41.7|-72.6||', [41.7, -72.6, 50_000, 'km']],
    ['41.7|-72.6||mi', [41.7, -72.6, 50_000, 'mi']],
    ['41.7|-72.6|10|', [41.7, -72.6, 10_000, 'km']],
    ['41.7|-72.6|10|[mi_i]', [41.7, -72.6, 10 * MILE, 'mi']],
    ['41.7|-72.6|250|m', [41.7, -72.6, 250, 'm']],
    [' 41.7 | -72.6 | 10 | km ', [41.7, -72.6, 10_000, 'km']],
    ['+41.7|-072.60|0|km', [41.7, -72.6, 0, 'km']],
    ['90|180|1|km', [90, 180, 1000, 'km']],
    ['-90|-180|1|km', [-90, -180, 1000, 'km']],
    ['41.|-.5|1|km', [41, -0.5, 1000, 'km']],
    // as programs print a double, or its decimal in full
    ['41.700000000000000284|-72.59999999999999431565811391919851303100585937500|1e1|km', [41.7, -72.6, 10_000, 'km']],
    ['0|0|1e99|km', [0, 0, 20_040_000, 'km']],
    ['41.7\\|-72.6\\|10\\|km', [41.7, -72.6, 10_000, 'km']],
  ] as const)('%s', (value, [latitude, longitude, meters, unit]) => {
    const circle = readNear('near', value);
    expect([circle.latitude, circle.longitude]).toEqual([latitude, longitude]);
    expect(circle.meters).toBeCloseTo(meters, 6);
    expect([circle.unit.unit, circle.approximate]).toEqual([unit, false]);
  });

  test.each([
    ['', 'latitude'],
    ['|', 'latitude'],
    ['41.7', 'longitude'],
    ['41.7|', 'longitude'],
    ['|-72.6', 'latitude'],
    ['41.7 -72.6', 'latitude'],
    ['41,7|-72.6', 'latitude'],
    ['forty|-72.6', 'latitude'],
    ['0x10|1', 'latitude'],
    ['NaN|1', 'latitude'],
    ['Infinity|1', 'latitude'],
    ['1e400|1', 'latitude'],
    ['--1|1', 'latitude'],
    ['90.0001|0', 'latitude outside'],
    ['-72.6|41.7|10|km|km', 'lat|lon|distance|unit'],
    ['0|180.5', 'longitude outside'],
    ['0|0|-1|km', 'negative'],
    ['0|0|ten|km', 'distance'],
    ['0|0|10|miles', 'unit'],
    ['0|0|10|toString', 'unit'],
  ])('refuses %s', (value, why) => {
    expect(() => readNear('near', value)).toThrow(Outcome);
    expect(() => readNear('near', value)).toThrow(why);
  });
});

describe('near-zip', () => {
  test('takes five digits or nine, with the distance and unit of near', () => {
    const { latitude, longitude } = readNearZip('near-zip', '06103');
    for (const [value, meters] of [
      ['06103', 50_000],
      ['06103-1234|10', 10_000],
      ['061031234|10|mi', 10 * MILE],
    ] as const)
      expect(readNearZip('near-zip', value)).toMatchObject({ latitude, longitude, meters, approximate: true });
  });
  test.each(['', '6103', '0610', '061031', '06103|x', '06103|1|mi|x', '00000', 'abcde', '06103|-1'])(
    'refuses %s',
    (value) => {
      expect(() => readNearZip('near-zip', value)).toThrow(Outcome);
    },
  );
});
