// What commands print.

/** What steers a terminal, or turns the order of what is read around. */
const STEERING = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Names, reasons and packs may come from anyone: nothing of them but lines and tabs does more than be read. */
export const plain = (text: string): string => text.replace(STEERING, (c) => (c === '\n' || c === '\t' ? c : '\ufffd'));

export const say = (line: string): void => void process.stdout.write(`${plain(line)}\n`);
