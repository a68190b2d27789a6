// A walk through the exchange as requests: the documentation page shows them, the tests run them in this order. `{name}` is a
// value of the client's own or one that an earlier answer gave.
export type Example = {
  id: string;
  title: string;
  text: string;
  method: 'GET' | 'POST' | 'DELETE';
  /** below the origin, or a whole URL that an answer gave */
  path: string;
  headers: Readonly<Record<string, string>>;
  /** a form, or JSON that the self-test gives */
  form?: Readonly<Record<string, string>>;
  body?: '{match}' | '{single}';
  expect: number;
  /** names given by the answer: a header, or a path of members in its JSON */
  gives?: Readonly<Record<string, { header: string } | { json: string }>>;
  /** asked again, a second apart, while it answers with this */
  again?: number;
};

const FHIR = '/exchange/fhir';
const BEARER = { authorization: 'Bearer {token}' } as const;
const ASYNC = { ...BEARER, accept: 'application/fhir+json', prefer: 'respond-async' } as const;
const FHIR_JSON = { 'content-type': 'application/fhir+json' } as const;

export const EXAMPLES: readonly Example[] = [
  {
    id: 'discovery',
    title: 'Find the token endpoint',
    text: 'No token needed. The audience of your assertion is the token endpoint, letter by letter.',
    method: 'GET',
    path: `${FHIR}/.well-known/smart-configuration`,
    headers: {},
    expect: 200,
    gives: { tokenEndpoint: { json: 'token_endpoint' } },
  },
  {
    id: 'token',
    title: 'Get a token',
    text: 'The assertion is a JWT signed with ES384 or RS384: iss and sub your client id, aud the token endpoint, exp at most five minutes ahead, a fresh jti each time. A token lives 300 seconds; an assertion is good once.',
    method: 'POST',
    path: '{tokenEndpoint}',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    form: {
      grant_type: 'client_credentials',
      scope:
        'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match system/*.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: '{assertion}',
    },
    expect: 200,
    gives: { token: { json: 'access_token' } },
  },
  {
    id: 'bulk-match',
    title: 'Ask which of your new members were ours',
    text: 'One MemberBundle a member, with consent. The sandbox gives you a body that finds one: see $self-test.',
    method: 'POST',
    path: `${FHIR}/Group/$bulk-member-match`,
    headers: { ...ASYNC, ...FHIR_JSON },
    body: '{match}',
    expect: 202,
    gives: { matchStatus: { header: 'content-location' } },
  },
  {
    id: 'match-status',
    title: 'Wait for the answer',
    text: '202 with Retry-After while it runs. Use the address as it was given.',
    method: 'GET',
    path: '{matchStatus}',
    headers: { ...BEARER, accept: 'application/json' },
    expect: 200,
    again: 202,
    gives: { matchFile: { json: 'output.0.url' } },
  },
  {
    id: 'match-file',
    title: 'Read the Groups',
    text: 'NDJSON. The Group with the code match names the members that you may export.',
    method: 'GET',
    path: '{matchFile}',
    headers: BEARER,
    expect: 200,
  },
  {
    id: 'groups',
    title: 'Or search them',
    text: 'Only Groups that your own matches made are there.',
    method: 'GET',
    path: `${FHIR}/Group?code=match`,
    headers: BEARER,
    expect: 200,
    gives: { group: { json: 'entry.0.resource.id' } },
  },
  {
    id: 'kick-off',
    title: 'Export the history of a Group',
    text: 'Add _since for what changed after a time, _type for some types.',
    method: 'GET',
    path: `${FHIR}/Group/{group}/$davinci-data-export?exportType=hl7.fhir.us.davinci-pdex%23payertopayer`,
    headers: ASYNC,
    expect: 202,
    gives: { status: { header: 'content-location' } },
  },
  {
    id: 'status',
    title: 'Wait for the export',
    text: 'The manifest names the files, with the number of their lines.',
    method: 'GET',
    path: '{status}',
    headers: { ...BEARER, accept: 'application/json' },
    expect: 200,
    again: 202,
    gives: { file: { json: 'output.0.url' } },
  },
  {
    id: 'file',
    title: 'Fetch every file',
    text: 'With the token, from the same origin only. Gzip and Range are understood. Get a new token when one has expired.',
    method: 'GET',
    path: '{file}',
    headers: BEARER,
    expect: 200,
  },
  {
    id: 'delete',
    title: 'Delete the export',
    text: 'When everything is stored. Afterwards status and files are 404.',
    method: 'DELETE',
    path: '{status}',
    headers: BEARER,
    expect: 202,
  },
  {
    id: 'single-match',
    title: 'Or ask for one member',
    text: 'Answered at once with the member’s id for peers, or 422.',
    method: 'POST',
    path: `${FHIR}/Patient/$member-match`,
    headers: { ...BEARER, ...FHIR_JSON },
    body: '{single}',
    expect: 200,
    gives: {
      umbSystem: { json: 'parameter.0.valueIdentifier.system' },
      umb: { json: 'parameter.0.valueIdentifier.value' },
    },
  },
  {
    id: 'patient',
    title: 'Find the member',
    text: 'Members that were not matched for you do not exist for you.',
    method: 'GET',
    path: `${FHIR}/Patient?identifier={umbSystem}%7C{umb}`,
    headers: BEARER,
    expect: 200,
    gives: { patient: { json: 'entry.0.resource.id' } },
  },
  {
    id: 'search',
    title: 'Search the member’s records',
    text: 'As US Core says; metadata lists the parameters of each type. A search names its member.',
    method: 'GET',
    path: `${FHIR}/ExplanationOfBenefit?patient={patient}&_revinclude=Provenance:target&_count=10`,
    headers: BEARER,
    expect: 200,
  },
  {
    id: 'everything',
    title: 'Or everything at once',
    text: 'In pages; follow the link next.',
    method: 'GET',
    path: `${FHIR}/Patient/{patient}/$everything?_count=50`,
    headers: BEARER,
    expect: 200,
  },
];

/** As one would type it. */
export function asCurl(e: Example, base: string): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const url = e.path.startsWith('/') ? `${base}${e.path}` : e.path;
  return [
    `curl${e.method === 'GET' ? '' : ` -X ${e.method}`} ${quote(url)}`,
    ...Object.entries(e.headers).map(([name, value]) => `  -H ${quote(`${name}: ${value}`)}`),
    ...Object.entries(e.form ?? {}).map(([name, value]) => `  --data-urlencode ${quote(`${name}=${value}`)}`),
    ...(e.body === undefined ? [] : [`  --data-binary @${e.body === '{match}' ? 'match' : 'single'}.json`]),
  ].join(' \\\n');
}
