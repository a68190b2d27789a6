// SMART scopes, v1 and v2, and the operation scopes of PDex in every spelling met. A client gets the intersection of what
// it asks and what it may have. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html

/** The closed set of permissions that checks use. */
export type Permission = 'match.bulk' | 'match.single' | 'group.read' | 'group.search' | 'export';

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

type May = { read: boolean; search: boolean };

/** What is both asked and allowed, in the spelling asked; undefined when that is nothing. v1 `read` means both. */
const write = (s: Extract<Scope, { kind: 'resource' }>, type: string, may: May): string | undefined => {
  const read = s.read && may.read;
  const search = s.search && may.search;
  if (!read && !search) return undefined;
  return s.isV1 && read && search ? `system/${type}.read` : `system/${type}.${read ? 'r' : ''}${search ? 's' : ''}`;
};

/**
 * The scopes to grant, in the client's spelling and order.
 * @param requested the `scope` parameter
 * @param allowed what the client may have; `system/*.rs` stands for every type
 * @param types the types that are served
 */
export function grantScopes(requested: string, allowed: readonly string[], types: readonly string[]): string[] {
  const mine = allowed.map(parseScope).filter((s): s is Scope => s !== undefined);
  const may = (type: string): May => {
    const fitting = mine.filter((s) => s.kind === 'resource').filter((s) => s.type === '*' || s.type === type);
    return { read: fitting.some((s) => s.read), search: fitting.some((s) => s.search) };
  };
  const granted = new Set<string>();
  const grant = (token: string | undefined) => void (token !== undefined && granted.add(token));
  for (const token of requested.split(' ').filter(Boolean)) {
    const scope = parseScope(token);
    if (!scope) continue;
    if (scope.kind === 'operation') {
      const family = BULK_MATCH.includes(token) ? BULK_MATCH : SINGLE_MATCH.includes(token) ? SINGLE_MATCH : [token];
      if (mine.some((s) => s.kind === 'operation' && family.includes(s.written))) granted.add(token);
    } else if (scope.type !== '*') {
      if (types.includes(scope.type)) grant(write(scope, scope.type, may(scope.type)));
    } else if (mine.some((s) => s.kind === 'resource' && s.type === '*')) grant(write(scope, '*', may('*')));
    else for (const type of types) grant(write(scope, type, may(type)));
  }
  return [...granted];
}

export type Permitted = {
  permissions: Set<Permission>;
  /** types that may be exported; `*` for all */
  types: Set<string>;
  /** types whose single records may be read, and searched */
  reads: Set<string>;
  searches: Set<string>;
};

/**
 * What granted scopes permit.
 * @param allowed what the client is registered for: `system/Patient.rs` (not `system/*.rs`) is enough for the match of one member where it is
 *   registered for that operation, as clients in the field ask for it so
 */
export function permissionsOf(scope: string, allowed: readonly string[] = []): Permitted {
  const permissions = new Set<Permission>();
  const types = new Set<string>();
  const reads = new Set<string>();
  const searches = new Set<string>();
  for (const token of scope.split(' ')) {
    const parsed = parseScope(token);
    if (!parsed) continue;
    if (parsed.kind === 'operation') {
      if (BULK_MATCH.includes(token)) permissions.add('match.bulk');
      else if (SINGLE_MATCH.includes(token)) permissions.add('match.single');
      else {
        permissions.add('group.read').add('group.search').add('export');
        types.add('*');
      }
      continue;
    }
    // what is exported is read, no matter who searches for it
    if (parsed.read) {
      types.add(parsed.type);
      reads.add(parsed.type);
    }
    if (parsed.search) searches.add(parsed.type);
    if (parsed.type !== '*' && parsed.type !== 'Group') continue;
    // to export a Group is to read it
    if (parsed.read) permissions.add('group.read').add('export');
    if (parsed.search) permissions.add('group.search');
  }
  if (reads.has('Patient') && searches.has('Patient') && allowed.some((s) => SINGLE_MATCH.includes(s)))
    permissions.add('match.single');
  return { permissions, types, reads, searches };
}

/** Printed so in PDex. */
export const MATCHED_GROUP_SCOPE = MATCHED_GROUP;
export const BULK_MATCH_SCOPE = BULK_MATCH[0] as string;
export const SINGLE_MATCH_SCOPE = SINGLE_MATCH[0] as string;

/** The least scope that gives a permission, as a refusal names it: the spelling that most clients know. */
export const SCOPE_OF: Readonly<Record<Permission, string>> = {
  'match.bulk': BULK_MATCH_SCOPE,
  'match.single': SINGLE_MATCH_SCOPE,
  'group.read': 'system/Group.r',
  'group.search': 'system/Group.s',
  // and that of each type, which is looked at when it is known what is asked for
  export: 'system/Group.r',
};

/** The scopes to read these types. */
export const readScopes = (types: readonly string[]): string => types.map((type) => `system/${type}.r`).join(' ');
