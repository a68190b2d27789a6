// Definitions of our own search parameters, made from the table that the parser reads: the CapabilityStatement names them
// by these addresses. https://hl7.org/fhir/R4/searchparameter.html
import type { SearchParameter } from 'fhir/r4.js';
import type { Context, Hono } from 'hono';
import { Outcome } from '../../src/fhir/outcome.ts';
import { PARAMETERS, type Parameter } from '../../src/fhir/search/parameters.ts';
import { DIRECTORY_TYPES, PLAN_NET } from '../../src/fhir/search/types.ts';
import { PREFIXES } from '../../src/fhir/search/values.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../../src/http/negotiate.ts';
import { VERSION } from '../../src/version.ts';
import { notAllowed } from '../app-answers.ts';

const OWN = 'SearchParameter/';

/** Definition of a parameter as a URL; ours are named under the base. */
export function definitionOf(p: Parameter, base: string): string {
  return p.definition.startsWith('http') ? p.definition : `${base}/${p.definition}`;
}

/** The path of a parameter as FHIRPath: `extension[name]` is `extension.where(url='…/name')`. */
export function fhirPath(expression: string): string {
  return expression
    .split(' | ')
    .map((path) => {
      let first = true;
      return path
        .replace(/\[(\w+)=(\w+)\]/g, ".where($1='$2')")
        .replace(/extension\[([^\]]+)\]/g, (_, name: string) => {
          const url = name.includes(':') || !first ? name : `${PLAN_NET}/StructureDefinition/${name}`;
          first = false;
          return `extension.where(url='${url}')`;
        });
    })
    .join(' | ');
}

const upper = (text: string): string => text.replace(/(^|-)(\w)/g, (_, _dash, letter: string) => letter.toUpperCase());

function toResource(p: Parameter, base: string, date: string): SearchParameter {
  const id = p.definition.slice(OWN.length);
  const comparators = p.kind === 'date' && p.reading !== 'active-on';
  return {
    resourceType: 'SearchParameter',
    id,
    url: `${base}/${p.definition}`,
    version: VERSION,
    name: upper(id),
    status: 'active',
    date,
    description: p.note ?? `Searches ${p.type} by ${p.code}.`,
    code: p.code,
    base: [p.type],
    type: p.reading === 'place' ? 'reference' : p.kind,
    ...(p.expression === '' ? {} : { expression: fhirPath(p.expression), xpathUsage: 'normal' as const }),
    ...(p.targets.length === 0 ? {} : { target: p.targets }),
    multipleOr: true,
    multipleAnd: true,
    ...(comparators ? { comparator: [...PREFIXES] } : {}),
    ...(p.modifiers.length === 0 ? {} : { modifier: p.modifiers }),
    ...(p.kind === 'composite'
      ? {
          component: ['new-patient', 'new-patient-from-network'].map((code, i) => ({
            definition: `${base}/${OWN}${p.type.toLowerCase()}-${code}`,
            expression: `extension.where(url='${i === 0 ? 'acceptingPatients' : 'fromNetwork'}').value`,
          })),
        }
      : {}),
  };
}

/** Every parameter that is defined here and nowhere else, by id. */
function ownParameters(base: string, date: string): Map<string, SearchParameter> {
  const found = new Map<string, SearchParameter>();
  for (const type of DIRECTORY_TYPES)
    for (const p of PARAMETERS.get(type)?.values() ?? [])
      if (p.definition.startsWith(OWN)) found.set(p.definition.slice(OWN.length), toResource(p, base, date));
  return found;
}

/** GET SearchParameter and SearchParameter/[id] */
export function searchParameterRoutes(at: Hono<FhirEnv>, base: string, date: string): void {
  const own = ownParameters(base, date);
  const headers = { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=300' };
  const entry = [...own.values()].map((resource) => ({
    fullUrl: resource.url,
    resource,
    search: { mode: 'match' as const },
  }));
  const bundle = JSON.stringify({
    resourceType: 'Bundle',
    type: 'searchset',
    total: entry.length,
    link: [{ relation: 'self', url: `${base}/SearchParameter` }],
    entry,
  });
  const begin = (c: Context<FhirEnv>, template: string) => {
    route(c, template);
    checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
  };
  at.get('/SearchParameter', (c) => {
    begin(c, '/SearchParameter');
    return reply(c, bundle, 200, headers);
  });
  at.get('/SearchParameter/:id', (c) => {
    begin(c, '/SearchParameter/:id');
    const found = own.get(c.req.param('id'));
    if (found === undefined) throw new Outcome('not-found');
    return reply(c, JSON.stringify(found), 200, headers);
  });
  for (const path of ['/SearchParameter', '/SearchParameter/:id']) at.all(path, (c) => notAllowed(c, 'GET, HEAD'));
}
