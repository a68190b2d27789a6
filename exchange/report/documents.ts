// What the pages show of the looks at the public documentation.
export { type DocumentCheck, documentChecks } from '../store/document-check.ts';
