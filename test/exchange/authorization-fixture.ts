// A prior authorization as PDex tells it, for tests of what becomes of it and of the documents that support it.
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';

/** What was decided, and when (FHIR instant), as an adjudication. `code`: X12 306, `A1` granted, `A3` denied */
export const decided = (code: string, when: string) => ({
  category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
  extension: [
    {
      url: `${PDEX}/extension-reviewAction`,
      extension: [
        {
          url: `${PDEX}/extension-reviewActionCode`,
          valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
        },
      ],
    },
    { url: `${PDEX}/base-ext-when-adjudicated`, valueDateTime: when },
  ],
});

/** An authorization of p1 without what was asked for and decided. */
export const preauthorization = (id: string, lastUpdated: string) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  meta: { lastUpdated },
  status: 'active',
  use: 'preauthorization',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  patient: { reference: 'Patient/p1' },
  created: '2026-01-01',
  insurer: { display: 'Prior' },
  provider: { display: 'x' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'x' } }],
});

/** References to the documents that support it, each `Type/id`. */
export const supporting = (documents: readonly string[]) =>
  documents.map((reference, i) => ({
    sequence: i + 1,
    category: { coding: [{ code: 'additionalInformation' }] },
    valueReference: { reference },
  }));
