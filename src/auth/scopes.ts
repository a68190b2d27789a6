// SMART scopes, v1 and v2, and the operation scopes of PDex in every spelling met. A client gets the intersection of what
// it asks and what it may have. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html

/** The closed set of permissions that checks use. */
export type Permission = 'match.bulk' | 'match.single' | 'group.read' | 'export' | 'data.read';

const BULK_MATCH = [
  'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch',
  'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/bulk-member-match',
];
const SINGLE_MATCH = ['http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match'];
/** Printed so in PDex 2.1 and 2.2, malformed; clients send it verbatim. */
const MATCHED_GROUP =
  'system.Group.u?code=http://hl7.org/fhir/us/davinci-pdex/ValueSet/PDexMultiMemberMatchResultVS|match';

export const OPERATION_SCOPES: readonly string[] = [...BULK_MATCH, ...SINGLE_MATCH, MATCHED_GROUP];

export type Scope =
  | { kind: 'resource'; type: string; read: boolean; search: boolean; written: string; isV1: boolean }
  | { kind: 'operation'; written: string };

const RESOURCE = /^system\/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)$/;

/** One scope token, when it is one that a backend service can be granted here. Write permissions grant nothing. */
export function parseScope(token: string): Scope | undefined {
  if (OPERATION_SCOPES.includes(token)) return { kind: 'operation', written: token };
  const m = RESOURCE.exec(token);
  if (!m?.[1] || !m[2]) return undefined;
  const suffix = m[2];
  const isV1 = suffix === 'read' || suffix === 'write' || suffix === '*';
  const read = isV1 ? suffix !== 'write' : suffix.includes('r');
  const search = isV1 ? suffix !== 'write' : suffix.includes('s');
  return read || search ? { kind: 'resource', type: m[1], read, search, written: token, isV1 } : undefined;
}

const write = (s: Extract<Scope, { kind: 'resource' }>, type: string): string =>
  s.isV1 ? `system/${type}.read` : `system/${type}.${s.read ? 'r' : ''}${s.search ? 's' : ''}`;

/**
 * The scopes to grant, in the client's spelling and order.
 * @param requested the `scope` parameter
 * @param allowed what the client may have; `system/*.rs` stands for every type
 * @param types the types that are served
 */
export function grantScopes(requested: string, allowed: readonly string[], types: readonly string[]): string[] {
  const mine = allowed.map(parseScope).filter((s): s is Scope => s !== undefined);
  const mayRead = (type: string) => mine.some((s) => s.kind === 'resource' && (s.type === '*' || s.type === type));
  const granted = new Set<string>();
  for (const token of requested.split(' ').filter(Boolean)) {
    const scope = parseScope(token);
    if (!scope) continue;
    if (scope.kind === 'operation') {
      const family = BULK_MATCH.includes(token) ? BULK_MATCH : SINGLE_MATCH.includes(token) ? SINGLE_MATCH : [token];
      if (mine.some((s) => s.kind === 'operation' && family.includes(s.written))) granted.add(token);
    } else if (scope.type !== '*') {
      if (types.includes(scope.type) && mayRead(scope.type)) granted.add(write(scope, scope.type));
    } else if (mine.some((s) => s.kind === 'resource' && s.type === '*')) granted.add(write(scope, '*'));
    else for (const type of types) if (mayRead(type)) granted.add(write(scope, type));
  }
  return [...granted];
}

/** What granted scopes permit. `types` lists the types that data may be read of; `*` for all. */
export function permissionsOf(scope: string): { permissions: Set<Permission>; types: Set<string> } {
  const permissions = new Set<Permission>();
  const types = new Set<string>();
  for (const token of scope.split(' ')) {
    const parsed = parseScope(token);
    if (!parsed) continue;
    if (parsed.kind === 'operation') {
      if (BULK_MATCH.includes(token)) permissions.add('match.bulk');
      else if (SINGLE_MATCH.includes(token)) permissions.add('match.single');
      else {
        permissions.add('group.read').add('export');
        types.add('*');
      }
      continue;
    }
    types.add(parsed.type);
    permissions.add('data.read');
    if (parsed.type === '*' || parsed.type === 'Group') permissions.add('group.read').add('export');
  }
  return { permissions, types };
}

export const BULK_MATCH_SCOPE = BULK_MATCH[0] as string;
