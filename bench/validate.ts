// The validator that `payer-node import` gives the directory.

import type { Validate } from '../directory/resource/resource-import.ts';
import { validate } from '../src/fhir/validate/validate.ts';

export const validateForImport: Validate = (resource) => validate(resource);
