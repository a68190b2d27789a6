// What of an error may be reported anywhere.

/** A line of a stack that says where, and nothing of what. */
const FRAME = /^\s+at .*(:\d+:\d+|<anonymous>|native)\)?$/;

/** Where an error was thrown, without its message: that may quote data, in lines that look like these. */
export function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const said = error.message === '' ? -1 : stack.indexOf(error.message);
  return (said === -1 ? stack : stack.slice(said + error.message.length)).split('\n').filter((l) => FRAME.test(l));
}
