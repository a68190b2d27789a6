// Property tests draw the same cases in every run: a red test is red again. FC_SEED looks at others.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20_270_101) });

// set to nothing is not set
if (process.env['TEST_DATA_DIR'] === '') delete process.env['TEST_DATA_DIR'];
