// Messages to the database that are written together: a statement by its text, and its execution with values.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
import type { Socket } from 'node:net';

const PARSE = 0x50;
const BIND = 0x42;
const CLOSE = 0x43;
/** A prepared statement, as Close names what it closes. */
const STATEMENT = 0x53;
const EXECUTE = 0x45;
const SYNC = 0x53;
/** Instead of a length: there is none. */
const NO_VALUE = 0xffffffff;
/** A message: a byte that names its kind, then its length without that byte. */
const HEAD = 5;
/** Bytes of memory that it begins with, and the most that are kept. */
const BEGIN = 16 * 1024;
const KEPT = 256 * 1024;

export class Outgoing {
  #memory = Buffer.allocUnsafe(BEGIN);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#memory.length) return;
    const next = Buffer.allocUnsafe(Math.max(2 * this.#memory.length, this.#at + bytes));
    this.#memory.copy(next, 0, 0, this.#at);
    this.#memory = next;
  }

  #uint32(value: number, at: number): void {
    const memory = this.#memory;
    memory[at] = value >>> 24;
    memory[at + 1] = value >>> 16;
    memory[at + 2] = value >>> 8;
    memory[at + 3] = value;
  }

  #uint16(value: number): void {
    this.#memory[this.#at++] = value >>> 8;
    this.#memory[this.#at++] = value;
  }

  /** @returns where the message ends must be known */
  #begin(kind: number): number {
    this.#memory[this.#at] = kind;
    this.#at += HEAD;
    return this.#at - 4;
  }

  #end(begun: number): void {
    this.#uint32(this.#at - begun, begun);
  }

  #text(text: string): void {
    this.#at += this.#memory.write(text, this.#at);
  }

  #string(text: string): void {
    this.#text(text);
    this.#memory[this.#at++] = 0;
  }

  parse(name: string, text: string): void {
    this.#room(32 + 3 * (name.length + text.length));
    const begun = this.#begin(PARSE);
    this.#string(name);
    this.#string(text);
    this.#uint16(0);
    this.#end(begun);
  }

  /** The server forgets a statement of this name. */
  close(name: string): void {
    this.#room(32 + 3 * name.length);
    const begun = this.#begin(CLOSE);
    this.#memory[this.#at++] = STATEMENT;
    this.#string(name);
    this.#end(begun);
  }

  /**
   * Bind, Execute and Sync: rows as text.
   * @param most rows; 0 for all. Within a transaction {@link goOn} gives those that are left
   */
  execute(name: string, values: readonly (string | null)[], most = 0): void {
    this.#bind(name, values);
    this.#run(most);
    this.#sync();
  }

  /** A statement without values or rows, in one transaction with what is written next. */
  before(text: string): void {
    this.parse('', text);
    this.#bind('', []);
    this.#run(0);
  }

  #bind(name: string, values: readonly (string | null)[]): void {
    let size = 64 + 3 * name.length;
    for (const value of values) size += 4 + 3 * (value?.length ?? 0);
    this.#room(size);
    const bind = this.#begin(BIND);
    this.#memory[this.#at++] = 0;
    this.#string(name);
    this.#uint16(0);
    this.#uint16(values.length);
    for (const value of values) {
      const place = this.#at;
      this.#at += 4;
      if (value !== null) this.#text(value);
      this.#uint32(value === null ? NO_VALUE : this.#at - place - 4, place);
    }
    this.#uint16(0);
    this.#end(bind);
  }

  /** Execute and Sync: further rows of what was executed last. */
  goOn(most: number): void {
    this.#room(64);
    this.#run(most);
    this.#sync();
  }

  #run(most: number): void {
    const execute = this.#begin(EXECUTE);
    this.#memory[this.#at++] = 0;
    this.#uint32(most, this.#at);
    this.#at += 4;
    this.#end(execute);
  }

  #sync(): void {
    this.#end(this.#begin(SYNC));
  }

  writeTo(socket: Socket): void {
    socket.write(this.#memory.subarray(0, this.#at));
    // what the kernel has taken is not needed any more
    if (socket.writableLength > 0 || this.#memory.length > KEPT) this.#memory = Buffer.allocUnsafe(BEGIN);
    this.#at = 0;
  }

  /** Forgets what was written behind the first `length` bytes. */
  cut(length: number): void {
    this.#at = length;
  }
}
