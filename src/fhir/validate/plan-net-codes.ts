// Code lists of PDex Plan-Net 1.2.0 and their bindings. http://hl7.org/fhir/us/davinci-pdex-plan-net
// HL7's code systems are CC0. NUCC's taxonomy is not embedded: a specialty is checked by its shape, or against the set
// that the operator loaded.

import { codings, type Json, objects } from '../resource.ts';

export const PLAN_NET = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
const THO = 'http://terminology.hl7.org/CodeSystem';
const NUCC = 'http://nucc.org/provider-taxonomy';

export type ValueSet = {
  /** codes by system; `'any'` admits a whole system; `'nucc'` asks the taxonomy */
  systems: Readonly<Record<string, ReadonlySet<string> | 'any' | 'nucc'>>;
  /** codes of the taxonomy that the set leaves out */
  except?: ReadonlySet<string>;
};

const codes = (text: string) => new Set(text.split(' '));
const own = (name: string) => `${PLAN_NET}/CodeSystem/${name}`;
const one = (name: string, text: string): ValueSet => ({ systems: { [own(name)]: codes(text) } });

export const AcceptingPatients = one('AcceptingPatientsCS', 'nopt newpt existptonly existptfam');
export const Accessibility = one('AccessibilityCS', 'cultcomp handiaccess adacomp pubtrans anssrvc cognitive mobility');
export const DeliveryMethod = one('DeliveryMethodCS', 'virtual physical');
export const VirtualModalities = one('VirtualModalitiesCS', 'phone video tdd sms app web');
export const OrgType = one('OrgTypeCS', 'fac prvgrp payer atyprv bus');
export const NetworkType = one('OrgTypeCS', 'ntwk');
export const HealthcareServiceCategory = one(
  'HealthcareServiceCategoryCS',
  'behav dent dme emerg group home hosp lab outpat prov pharm trans urg vis',
);
export const InsuranceProductType = one(
  'InsuranceProductTypeCS',
  'commppo commhdhp commpos commhmo commepo medi medihmo mediadv mediadvhmo media medib medid mediab qhp ihs fep tri va dent denthmo vis vishmo',
);
export const InsurancePlanType = one(
  'InsurancePlanTypeCS',
  'platinum gold silver bronze catastrophic lowdeductible highdeductible catastrophicplan',
);
export const LanguageProficiency = one('LanguageProficiencyCS', '00 10 20 30 40 50');
export const OrganizationAffiliationRole: ValueSet = {
  systems: {
    [own('OrganizationAffiliationRoleCS')]: codes(
      'behavioral bt dme group home hospital laboratory other outpatient pharmacy transport urgent hospice nurseCustodial residential respite retail',
    ),
    'http://hl7.org/fhir/organization-role': codes('provider agency research payer diagnostics supplier HIE/HIO'),
  },
};
export const PractitionerRole: ValueSet = {
  systems: {
    [own('ProviderRoleCS')]: codes(
      'ap apn at au bh ba bt cnw crnp ch cs co dp de drr dn om em ho lpn mt ma nh na nu ot op oo os rx pt ph pa po py rn rt sw sp sh te',
    ),
    [`${THO}/practitioner-role`]: 'any',
  },
};
export const EndpointConnectionType: ValueSet = {
  systems: {
    [own('EndpointConnectionTypeCS')]: codes('hl7-fhir-opn rest-non-fhir'),
    [`${THO}/endpoint-connection-type`]: 'any',
  },
};
export const EndpointPayloadType = one('EndpointPayloadTypeCS', 'NA');
export const EndpointUsecase: ValueSet = {
  systems: { [`${THO}/v3-ActReason`]: codes('TREAT HPAYMT COC COVERAGE HOPERAT PUBHLTH HRESCH ETREAT PATRQT') },
};
/** What the value sets of 1.2.0 leave out of the taxonomy; two of these are in the set of services all the same. */
const NOT_LISTED =
  '103GC0700X 103TE1000X 103TM1700X 103TP2700X 103TW0100X 1835C0206X 1835C0207X 1835E0208X 1835G0000X 1835I0206X 1835S0206X 193400000X 207SG0207X 2084E0001X 213EG0000X 390200000X 2865C1500X 287300000X 317400000X';
export const Specialties: ValueSet = { systems: { [NUCC]: 'nucc' }, except: codes(NOT_LISTED) };
export const IndividualSpecialties: ValueSet = {
  systems: { [NUCC]: 'nucc' },
  except: codes(`${NOT_LISTED} 202D00000X 207VC0300X`),
};

/** Postal codes of states, the district and territories, as `whereValid` uses them. */
export const UsStates: ValueSet = {
  systems: {
    'https://www.usps.com/': codes(
      'AK AL AR AS AZ CA CO CT DC DE FL FM GA GU HI IA ID IL IN KS KY LA MA MD ME MH MI MN MO MP MS MT NC ND NE NH NJ NM NV NY OH OK OR PA PR PW RI SC SD TN TX UM UT VA VI VT WA WI WV WY AA AE AP',
    ),
  },
};

/** The nine characters and the closing X of a NUCC code, either case. */
const NUCC_SHAPE = /^[0-9A-Z]{9}X$/i;

export type Strength = 'required' | 'extensible';

/**
 * Does a CodeableConcept, a Coding or an array of CodeableConcepts keep to a binding? Required: every concept has a
 * coding of the set. Extensible: no coding uses a code that the set's own systems do not list.
 */
export function isBound(
  value: Json | undefined,
  set: ValueSet,
  strength: Strength,
  taxonomy: ReadonlySet<string> | undefined,
): boolean {
  return objects(value).every((concept) => {
    const answers = codings(concept).map((c) => inValueSet(set, c['system'], c['code'], taxonomy));
    return strength === 'required' ? answers.includes(true) : !answers.includes(false);
  });
}

/** Is the code in the set? `unknown-system` when the set says nothing about the system. */
function inValueSet(
  set: ValueSet,
  system: unknown,
  code: unknown,
  taxonomy: ReadonlySet<string> | undefined,
): boolean | 'unknown-system' {
  const listed = typeof system === 'string' && Object.hasOwn(set.systems, system) ? set.systems[system] : undefined;
  if (listed === undefined) return 'unknown-system';
  if (typeof code !== 'string') return false;
  if (listed === 'any') return true;
  if (listed !== 'nucc') return listed.has(code);
  const upper = code.toUpperCase();
  return NUCC_SHAPE.test(code) && !set.except?.has(upper) && (taxonomy === undefined || taxonomy.has(upper));
}
