// From a question to its answer: two statements, or some more where records name others by identifier alone, and a judgement. Serves the
// FHIR operation and the pages alike.
import type { Config } from '../../src/config.ts';
import type { Database } from '../../src/db/database.ts';
import type { Clock } from '../../src/deps.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { hasCoding, isResource, type Resource } from '../../src/fhir/resource.ts';
import { tokenForm } from '../../src/fhir/search/token.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { addressLogical } from '../resource/logical-targets.ts';
import { readState } from '../resource/resource.ts';
import { decide, keyOf, networkSet, type Place, type Plan } from './decide.ts';
import { activeOn, keysIn, nameOf, verifiedDays } from './evidence.ts';
import { findCandidates, findNamed, type Row, type Wanted } from './in-network-rows.ts';
import type { Answer } from './parameters.ts';
import type { Named, Question } from './question.ts';

export type AnswerDeps = {
  database: Database;
  config: Pick<Config, 'planName' | 'directoryStaleDays'>;
  clock: Clock;
  base: string;
};

/** Statements see one state each; when the directory changed in between, the question is asked again. */
const ATTEMPTS = 3;

/** @throws Outcome not-found or gone when what the question names is not there */
export async function answerQuestion(question: Question, deps: AnswerDeps): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await attemptAnswer(question, deps);
    if (answer !== undefined) return answer;
    if (attempt === ATTEMPTS) throw new Outcome('unavailable', 'The directory is changing.', { retryAfter: 2 });
  }
}

async function attemptAnswer(question: Question, deps: AnswerDeps): Promise<Answer | undefined> {
  const { base } = deps;
  const { sql } = deps.database;
  const { rows, seen } = await findNamed(sql, wanted(question));
  const named = question.plans.map((_, i) => offered(resolve(rows, 'plan', i), question.date));
  await addressLogical(sql, named.flat());
  const fitting = named.map((fit) => fit.map((resource) => ({ resource, networks: planNetworks(resource, base) })));
  const plans: Plan[] = fitting.flat();
  const networksNamed = question.networks.map((_, i) => onlyNetworks(resolve(rows, 'network', i)));
  const networks = networksNamed.flat();
  const byNpi = rows.filter((r) => r.part === 'npi');
  if (question.npi !== undefined && byNpi.length === 0)
    throw new Outcome('not-found', 'No provider in this directory has this NPI.');
  const providers = [...byNpi.map(parsed), ...question.providers.flatMap((_, i) => resolve(rows, 'provider', i))];
  for (const i of question.locations.keys()) resolve(rows, 'location', i);
  const keys = networks.map(keyOf);
  const among = [...networkSet({ plans, networks: keys })];
  const keysOf = (type: string) => providers.filter((p) => p.resourceType === type).map(keyOf);
  const candidates = await findCandidates(sql, {
    practitioners: keysOf('Practitioner'),
    organizations: keysOf('Organization'),
    networks: among,
  });
  if (candidates.seen.change !== seen.change) return undefined;
  const [roles = [], affiliations = [], verifications = []] = [
    candidates.roles,
    candidates.affiliations,
    candidates.verifications,
  ].map((bodies) => bodies.map(parse));
  const looked = await addressLogical(sql, [...roles, ...affiliations, ...verifications]);
  if (looked && String((await readState(sql)).change) !== seen.change) return undefined;
  const around = new Map(candidates.around.map(parse).map((r) => [keyOf(r), r]));
  const decision = decide({
    base,
    date: question.date,
    plans,
    networks: keys,
    meant: [
      ...fitting.map((fit) => fit.map((p) => p.networks)),
      ...networksNamed.map((fit) => fit.map((network) => [keyOf(network)])),
    ],
    providers,
    locations: question.locations,
    specialties: question.specialties,
    roles,
    affiliations,
    around,
    cut: candidates.cut,
    verified: verifiedDays(verifications, base),
    staleBefore: daysBefore(deps.clock(), deps.config.directoryStaleDays),
  });
  const place = (resource: Resource): Place => ({ key: keyOf(resource), name: nameOf(resource) });
  return {
    ...decision,
    asked: {
      plans: plans.map((p) => place(p.resource)),
      networks: networks.map(place),
      providers: providers.map(place),
      npi: question.npi,
      date: question.date,
    },
    asOf: candidates.seen.changedAt,
    change: candidates.seen.change,
    base,
    plan: deps.config.planName,
  };
}

/** One number may be that of several plans, as of one for each year: those that are offered on the day are meant. */
function offered(plans: Resource[], date: string): Resource[] {
  const then = plans.filter((plan) => activeOn(plan, date) === 'active');
  return then.length > 0 ? then : plans;
}

/** An identifier may be shared by a network and its payer: the network is meant. */
function onlyNetworks(organizations: Resource[]): Resource[] {
  const networks = organizations.filter((o) => hasCoding(o['type'], `${PLAN_NET}/CodeSystem/OrgTypeCS`, 'ntwk'));
  if (networks.length > 0) return networks;
  throw new Outcome('invalid-parameter', 'The value of "network" is an organization but not a network.');
}

/** Networks of a plan: `network` and `plan.network`. */
function planNetworks(plan: Resource, base: string): string[] {
  const inner = Array.isArray(plan['plan']) ? plan['plan'] : [];
  const parts = inner.flatMap((p) =>
    typeof p === 'object' && p !== null && !Array.isArray(p) ? keysIn(p['network'], base) : [],
  );
  return [...new Set([...keysIn(plan['network'], base), ...parts])];
}

/** A bare text is an id as well as an identifier, and an identifier may be that of several records: all that fit are found. */
function wanted(question: Question): Wanted[] {
  const named = (part: string, type: 'InsurancePlan' | 'Organization', list: Named[]): Wanted[] =>
    list.flatMap((n, ord) => [
      ...(n.key === undefined ? [] : [{ part, ord, key: n.key }]),
      ...(n.identifier === undefined ? [] : [{ part: `${part}-identifier`, ord, identifier: n.identifier, type }]),
    ]);
  const npi = question.npi === undefined ? undefined : tokenForm(NPI_SYSTEM, question.npi);
  const byNpi = (type: 'Practitioner' | 'Organization'): Wanted[] =>
    npi === undefined ? [] : [{ part: 'npi', ord: 0, identifier: npi, type }];
  return [
    ...named('plan', 'InsurancePlan', question.plans),
    ...named('network', 'Organization', question.networks),
    ...question.providers.map((key, ord) => ({ part: 'provider', ord, key })),
    ...question.locations.map((key, ord) => ({ part: 'location', ord, key })),
    ...byNpi('Practitioner'),
    ...byNpi('Organization'),
  ];
}

/** @throws Outcome not-found or gone */
function resolve(rows: readonly Row[], part: string, ord: number): Resource[] {
  const fit = rows.filter((r) => r.ord === ord && (r.part === part || r.part === `${part}-identifier`));
  const found = [...new Map(fit.map((row) => [row.key, row])).values()];
  if (found.length === 0) throw new Outcome('not-found', `There is no such ${part} in this directory.`);
  const live = found.filter((r) => !r.deleted);
  if (live.length === 0) throw new Outcome('gone', `The ${part} was deleted from this directory.`);
  return live.map(parsed);
}

const daysBefore = (now: Date, days: number) => new Date(now.getTime() - days * 86_400_000).toISOString().slice(0, 10);

const parsed = (row: Row): Resource => parse(row.body);

function parse(body: string): Resource {
  const resource: unknown = JSON.parse(body);
  if (!isResource(resource)) throw new Error('The directory holds resources.');
  return resource;
}
