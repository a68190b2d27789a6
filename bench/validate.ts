// The validator that `payer-node import` gives the directory.
import { validate } from '../src/fhir/validate/validate.ts';
import type { Validate } from '../src/store/resource/resource-import.ts';

export const validateForImport: Validate = (resource) => validate(resource);
