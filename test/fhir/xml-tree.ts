// XML and JSON of one resource as one tree, without a table of types: names, values, children.
import { SaxesParser } from 'saxes';

export type Tree = { name: string; attributes: Record<string, string>; children: Tree[] };

const XHTML = 'div';

/** @throws when it is not well-formed */
export function fromXml(xml: string): Tree {
  const parser = new SaxesParser({ xmlns: true });
  const root: Tree = { name: '', attributes: {}, children: [] };
  const open = [root];
  let within = 0;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', (tag) => {
    if (within > 0 || tag.name === XHTML) {
      if (within++ === 0) open.at(-1)?.children.push({ name: XHTML, attributes: {}, children: [] });
      return;
    }
    const attributes = Object.fromEntries(
      Object.entries(tag.attributes)
        .filter(([name]) => name !== 'xmlns')
        .map(([name, { value }]) => [name, value]),
    );
    const made = { name: tag.name, attributes, children: [] };
    open.at(-1)?.children.push(made);
    open.push(made);
  });
  parser.on('closetag', () => {
    if (within > 0) within--;
    else open.pop();
  });
  parser.write(xml).close();
  const [made] = root.children;
  if (made === undefined) throw new Error('nothing in it');
  return sorted(made);
}

/** Children by name, those of one name in their order. */
const sorted = (tree: Tree): Tree => ({
  ...tree,
  children: tree.children.map(sorted).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
});

type Members = Record<string, unknown>;
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param resource parsed; numbers that are written in an odd way are not the same here */
export const fromJson = (resource: Members): Tree => sorted(resourceOf(resource));

function resourceOf(resource: Members): Tree {
  const { resourceType, id, ...rest } = resource;
  const own = id === undefined ? [] : [{ name: 'id', attributes: { value: String(id) }, children: [] }];
  return { name: String(resourceType), attributes: {}, children: [...own, ...childrenOf(rest)] };
}

function childrenOf(of: Members): Tree[] {
  const names = new Set(Object.keys(of).map((name) => name.replace(/^_/, '')));
  return [...names].flatMap((name) => {
    const values = listOf(of[name]);
    const beside = listOf(of[`_${name}`]);
    return Array.from({ length: Math.max(values.length, beside.length) }, (_, i) =>
      childOf(name, values[i], beside[i]),
    );
  });
}

function childOf(name: string, value: unknown, beside: unknown): Tree {
  if (name === XHTML) return { name, attributes: {}, children: [] };
  if (isMembers(value) && typeof value['resourceType'] === 'string')
    return { name, attributes: {}, children: [resourceOf(value)] };
  const { id, ...rest } = isMembers(value) ? value : isMembers(beside) ? beside : {};
  const isExtension = name === 'extension' || name === 'modifierExtension';
  const attributes: Record<string, string> = {};
  if (id !== undefined) attributes['id'] = String(id);
  if (isExtension) attributes['url'] = String(rest['url']);
  if (!isMembers(value) && value !== undefined && value !== null) attributes['value'] = String(value);
  const children = Object.entries(rest).filter(([key]) => !(isExtension && key === 'url'));
  return { name, attributes, children: childrenOf(Object.fromEntries(children)) };
}
