// JSON indented for reading, as text: numbers and strings stay as they were written.
import { elements, members } from '../fhir/json-text.ts';

/** @param json a text that JSON.parse accepts */
export function prettyJson(json: string): string {
  const write = (text: string, indent: string): string => {
    const inner = `${indent}  `;
    if (text.startsWith('{')) {
      const found = members(text);
      if (found.length === 0) return '{}';
      return `{\n${found.map((m) => `${inner}${text.slice(m.start, text.lastIndexOf('"', m.valueStart - 1) + 1)}: ${write(text.slice(m.valueStart, m.end), inner)}`).join(',\n')}\n${indent}}`;
    }
    if (text.startsWith('[')) {
      const found = elements(text, 0);
      if (found.length === 0) return '[]';
      return `[\n${found.map((e) => `${inner}${write(e, inner)}`).join(',\n')}\n${indent}]`;
    }
    return text;
  };
  return write(json.trim(), '');
}
