// Errors of the database as answers; pages do not reach into the store themselves.
export { storeFailure } from '../../../src/db/failure.ts';
