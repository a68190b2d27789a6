// A small generator of Plan-Net shaped resources, the same for the same number.
import { withCheckDigit } from '../src/fhir/npi.ts';
