// What codes of the directory mean, in the languages of the pages: [English, Spanish].
import { SPANISH_SPECIALTIES } from '../../../src/names/tables/specialty-spanish.ts';

type Pair = readonly [string, string];

const TERMS: Record<string, Pair> = {
  // AcceptingPatientsCS
  newpt: ['Accepts new patients', 'Acepta pacientes nuevos'],
  existptonly: ['Existing patients only', 'Solo pacientes actuales'],
  existptfam: ['Existing patients and their families', 'Pacientes actuales y sus familias'],
  nopt: ['No new patients', 'No acepta pacientes nuevos'],
  // AccessibilityCS
  cultcomp: ['Trained in cultural competence', 'Formación en competencia cultural'],
  handiaccess: ['Wheelchair accessible', 'Accesible en silla de ruedas'],
  adacomp: ['Meets the ADA (disability access)', 'Cumple la ley ADA (acceso para discapacidad)'],
  pubtrans: ['Public transport nearby', 'Transporte público cerca'],
  anssrvc: ['Answering service', 'Servicio de contestador'],
  cognitive: ['Support for cognitive disabilities', 'Apoyo para discapacidad cognitiva'],
  mobility: ['Support for limited mobility', 'Apoyo para movilidad reducida'],
  // DeliveryMethodCS, VirtualModalitiesCS
  virtual: ['Visits at a distance', 'Consultas a distancia'],
  physical: ['Visits in person', 'Consultas en persona'],
  phone: ['by phone', 'por teléfono'],
  video: ['by video', 'por video'],
  tdd: ['by text telephone', 'por teléfono de texto'],
  sms: ['by text message', 'por mensaje de texto'],
  app: ['by app', 'por aplicación'],
  web: ['on the web', 'en la web'],
  // OrgTypeCS
  fac: ['Facility', 'Centro de salud'],
  prvgrp: ['Provider group', 'Grupo de proveedores'],
  payer: ['Health plan', 'Plan de salud'],
  atyprv: ['Other kind of provider', 'Otro tipo de proveedor'],
  bus: ['Business', 'Empresa'],
  ntwk: ['Network', 'Red'],
  // HealthcareServiceCategoryCS
  behav: ['Behavioral health', 'Salud mental'],
  dent: ['Dental care', 'Atención dental'],
  dme: ['Medical equipment', 'Equipo médico'],
  emerg: ['Emergency care', 'Emergencias'],
  group: ['Medical group', 'Grupo médico'],
  home: ['Care at home', 'Atención en casa'],
  hosp: ['Hospital', 'Hospital'],
  lab: ['Laboratory', 'Laboratorio'],
  other: ['Other care', 'Otra atención'],
  outpat: ['Outpatient care', 'Atención ambulatoria'],
  prov: ['Doctors and other professionals', 'Médicos y otros profesionales'],
  pharm: ['Pharmacy', 'Farmacia'],
  trans: ['Transport', 'Transporte'],
  urg: ['Urgent care', 'Atención urgente'],
  vis: ['Vision care', 'Atención de la vista'],
  // v3-RoleCode: kinds of places
  HOSP: ['Hospital', 'Hospital'],
  ER: ['Emergency room', 'Sala de emergencias'],
  PC: ['Primary care clinic', 'Clínica de atención primaria'],
  OF: ['Outpatient office', 'Consultorio'],
  PHARM: ['Pharmacy', 'Farmacia'],
  OUTPHARM: ['Pharmacy', 'Farmacia'],
  HLAB: ['Laboratory', 'Laboratorio'],
  PTRES: ['At your home', 'En su casa'],
  MOBL: ['Mobile unit', 'Unidad móvil'],
  HU: ['Hospital unit', 'Unidad de hospital'],
  RH: ['Rehabilitation hospital', 'Hospital de rehabilitación'],
  NCCF: ['Nursing home', 'Residencia de cuidados'],
  SURG: ['Surgery', 'Cirugía'],
  // gender
  female: ['Woman', 'Mujer'],
  male: ['Man', 'Hombre'],
  unknown: ['Not told', 'No indicado'],
};

/** Days as FHIR writes them, in order. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** The word for a code; undefined when the tables have none. Specialties are called in English as the record has them. */
export function term(code: string | undefined, language: 'en' | 'es'): string | undefined {
  if (code === undefined) return undefined;
  const pair = Object.hasOwn(TERMS, code) ? TERMS[code] : undefined;
  if (pair !== undefined) return pair[language === 'en' ? 0 : 1];
  return language === 'es' ? SPANISH_SPECIALTIES.get(code) : undefined;
}

/** Kinds of care that the start page offers: what is searched for, and whether it is a place. */
export const OFTEN: readonly { kind: 'person' | 'place'; words: Pair }[] = [
  { kind: 'person', words: ['Family doctor', 'Médico de familia'] },
  { kind: 'person', words: ['Children’s doctor', 'Pediatra'] },
  { kind: 'person', words: ['Heart doctor', 'Médico del corazón'] },
  { kind: 'person', words: ['Women’s health', 'Salud de la mujer'] },
  { kind: 'person', words: ['Mental health', 'Salud mental'] },
  { kind: 'person', words: ['Dentist', 'Dentista'] },
  { kind: 'person', words: ['Eye doctor', 'Médico de los ojos'] },
  { kind: 'person', words: ['Physical therapy', 'Fisioterapia'] },
  { kind: 'place', words: ['Urgent care', 'Atención urgente'] },
  { kind: 'place', words: ['Pharmacy', 'Farmacia'] },
  { kind: 'place', words: ['Hospital', 'Hospital'] },
  { kind: 'place', words: ['Laboratory', 'Laboratorio'] },
];

export const ACCESS = ['handiaccess', 'adacomp', 'mobility', 'cognitive', 'pubtrans', 'cultcomp'] as const;

/** Languages that can be asked for. */
export const SPOKEN = [
  'es',
  'zh',
  'vi',
  'ko',
  'ru',
  'ar',
  'fr',
  'ht',
  'pt',
  'pl',
  'it',
  'ja',
  'de',
  'hi',
  'tl',
  'fa',
  'ur',
  'bn',
  'he',
  'uk',
  'en',
] as const;
