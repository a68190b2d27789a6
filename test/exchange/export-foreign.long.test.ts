// An export of others' generated histories (TEST_DATA_DIR) holds nothing that must not leave.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exported, walk } from './walked-export.ts';

const foreign = join(process.env['TEST_DATA_DIR'] ?? '/nowhere', 'data/members-synthea-smart');
test.skipIf(!existsSync(foreign))(
  'an export of foreign records is clean',
  async () => {
    const { node, job } = await exported([foreign], { EXPORT_WINDOW_YEARS: '200' });
    try {
      const { verdict, faults } = await walk(node, job);
      expect(faults.slice(0, 20)).toEqual([]);
      expect(verdict?.lines).toBeGreaterThan(1000);
    } finally {
      await node.close();
    }
  },
  120_000,
);
