import { defineConfig } from 'vitest/config';
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts?(x)'],
    setupFiles: ['test/support/seed.ts'],
    globalSetup: ['test/support/global.ts'],
    reporters: ['default', './test/support/reporter.ts'],
    // on two cores vitest would use one: the tests wait for the database as much as they compute
    maxWorkers: 3,
    // files of a worker share what they import, which they would else read again each: a test leaves nothing behind
    isolate: false,
    // for what hangs; a slow machine with much else to do is to pass
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { CLOUDFLARE_CF_FETCH_ENABLED: 'false', WRANGLER_SEND_METRICS: 'false' },
    coverage: { provider: 'v8', include: ['src/**', 'directory/**', 'exchange/**'] },
  },
});
