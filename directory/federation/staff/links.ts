// /staff/federation/links: pairs that a rule could not decide. A decision can be taken back here too.
import { z } from 'zod';
import { isObject, type JsonObject, objects, strings, text } from '../../../src/fhir/resource.ts';
import { oneOf, readFields, trimmed } from '../../../src/http/validate.ts';
import { html, type Part, type Safe } from '../../../src/ui/html.ts';
import { typeName } from '../harvest/context.ts';
import type { Link, StaffData } from '../staff-data.ts';
import { csrf, isAdmin, ROOT, ruleText, TRAIL } from './frame.ts';
import type { PortVisit, StaffRouter } from './port.ts';

const DECIDE = z.object({ a: trimmed, b: trimmed, outcome: oneOf('same', 'not', 'rule'), note: trimmed });

const PATH = `${ROOT}/links`;

export function linkPages<V extends PortVisit>(router: StaffRouter<V>, data: StaffData): void {
  router.page(PATH, 'counts', async (visit) => {
    const { list, texts, counts } = await data.links(undefined);
    return router.show(visit, {
      title: 'Pairs that may be the same',
      place: 'federation',
      trail: TRAIL,
      lead: [
        `${counts['same'] ?? 0} pairs are linked, ${counts['review'] ?? 0} wait, ${counts['not'] ?? 0} are held apart. Linking changes no record; a decision holds until it is taken back.`,
      ],
      before: list.length === 0 ? '' : html`${list.map((l) => pair(visit, l, texts))}`,
      tables: [
        {
          name: 'pairs',
          caption: 'The same pairs as a table',
          columns: [
            { key: 'type', label: 'Type' },
            { key: 'a', label: 'One', kind: 'head' },
            { key: 'b', label: 'The other' },
            { key: 'rule', label: 'Why' },
            { key: 'score', label: 'Likeness', kind: 'number' },
          ],
          rows: list.map((l) => [
            { value: typeName(l.type) },
            { value: l.keyA, code: true },
            { value: l.keyB, code: true },
            { value: l.rule, text: ruleText(l.rule) },
            { value: Math.round(l.score * 100) / 100 },
          ]),
          empty: 'No pair waits.',
        },
      ],
      after: isAdmin(visit) ? backForm(visit) : '',
    });
  });
  router.form(PATH, 'peers', async (visit, form) => {
    const { a, b, outcome, note } = readFields(DECIDE, form);
    if (outcome === undefined) return router.notFound(visit, 'Choose same, different, or the rules.');
    const done = await data.decidePair(a, b, outcome, visit.session.subject, note.slice(0, 300));
    return done === 'ok'
      ? visit.c.redirect(PATH, 303)
      : router.notFound(visit, 'These are not two records of one type that may be linked. Networks are never linked.');
  });
}

function pair(visit: PortVisit, l: Link, texts: ReadonlyMap<string, string>): Safe {
  return html`<section class="box"><h2>${typeName(l.type)}: ${ruleText(l.rule)}</h2><div class="pair">${side(l.keyA, l.peerA, texts)}${side(l.keyB, l.peerB, texts)}</div>${
    isAdmin(visit)
      ? html`<form method="post" action="${PATH}">${csrf(visit)}<input type="hidden" name="a" value="${l.keyA}"><input type="hidden" name="b" value="${l.keyB}"><p><button name="outcome" value="same">The same</button> <button class="plain" name="outcome" value="not">Different</button></p></form>`
      : ''
  }</section>`;
}

function side(key: string, peer: string, texts: ReadonlyMap<string, string>): Part {
  const body = texts.get(key);
  const r = body === undefined ? {} : (JSON.parse(body) as JsonObject);
  const [name] = objects(r['name']);
  const shown =
    typeof r['name'] === 'string'
      ? r['name']
      : name
        ? (text(name['text']) ?? [...strings(name['given']), text(name['family'])].join(' '))
        : key;
  const [a] = objects(r['address']);
  const lines = [
    ...objects(r['identifier']).map(
      (i) => `${(text(i['system']) ?? '').split('/').at(-1)} ${String(i['value'] ?? '')}`,
    ),
    ...(isObject(a)
      ? [[...strings(a['line']), text(a['city']), text(a['state']), text(a['postalCode'])].filter(Boolean).join(', ')]
      : []),
    ...objects(r['telecom']).map((t) => `${text(t['system']) ?? ''} ${String(t['value'] ?? '')}`),
  ];
  return html`<div><p><strong>${shown}</strong><br><small>${peer === '' ? 'our own directory' : peer}: <code>${key}</code></small></p><ul>${lines.slice(0, 8).map((l) => html`<li>${l}</li>`)}</ul></div>`;
}

const backForm = (visit: PortVisit): Safe =>
  html`<section class="box"><h2>Decide about any pair, or take a decision back</h2><form class="filter" method="post" action="${PATH}">${csrf(visit)}<div><label for="a">One <span class="hint">Type/id</span></label><input id="a" name="a" required></div><div><label for="b">The other</label><input id="b" name="b" required></div><div><label for="outcome">Decision</label><select id="outcome" name="outcome"><option value="rule">leave it to the rules</option><option value="same">the same</option><option value="not">different</option></select></div><div><label for="note">Note</label><input id="note" name="note" maxlength="300"></div><button>Decide</button></form></section>`;
