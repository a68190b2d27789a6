// What a code means, in a sentence for people.

/** `calm`: as expected. `look`: somebody should look at it. `act`: somebody has to decide or to mend something. */
export type Severity = 'calm' | 'look' | 'act';
export type Meaning = { text: string; todo: string; severity: Severity };

export const calm = (text: string, todo = 'Nothing.'): Meaning => ({ text, todo, severity: 'calm' });
export const look = (text: string, todo: string): Meaning => ({ text, todo, severity: 'look' });
export const act = (text: string, todo: string): Meaning => ({ text, todo, severity: 'act' });
