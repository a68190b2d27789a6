// What of records that checks hold back is to be shown, asked and told (released-model.ts): by what the payer told and people said, and by nothing that the program notes.

/** Why a whole answer is not to be had: said while it is on its way. */
export type Left = 'named-in-error' | 'consent-withdrawn';
/** A version of a record; `kind`: what holds it back, by itself. */
export type Version = { value: number; kind: string | undefined; at: string; patient: string };
type Shown = { version: Version; member: string };
/** Of one record. `version`: what was told last. */
export class Truth {
  version: Version;
  /** why it waits, or waited until it was released */
  heldFor: string | undefined;
  said: 'release' | 'discard' | undefined;
  shown: Shown | undefined;
  /** it was released from one check, and another one holds it */
  #isLetOn = false;
  /** what was shown before it was released */
  #before: Shown | undefined;
  readonly #memberOf: (patient: string) => string;

  constructor(version: Version, memberOf: (patient: string) => string) {
    this.version = version;
    this.#memberOf = memberOf;
  }

  /** The first check that holds it, of those from which nobody has released it. */
  #held(left: Left | undefined): string | undefined {
    const { kind, patient } = this.version;
    if (kind === 'contained-person') return kind;
    if (left !== undefined) return left;
    return kind ?? (this.#isAnothers(patient) ? 'patient-change' : undefined);
  }
  #isAnothers(patient: string): boolean {
    return this.shown !== undefined && this.shown.member !== this.#memberOf(patient);
  }

  /** Another version comes. */
  tell(version: Version, left: Left | undefined): void {
    this.version = version;
    this.#isLetOn = false;
    this.heldFor = this.#held(left);
    this.said = undefined;
    if (this.heldFor === undefined) this.#show();
    else if (this.#withdraws()) this.shown = undefined;
  }
  /** The version of before comes again. */
  again(left: Left | undefined): void {
    if (this.shown?.version === this.version) return;
    const heldFor = this.#held(left);
    // that the payer was not to be asked is no other question of what stays out, and whose it is stays asked
    const staysOut = this.said === 'discard' && heldFor === left && left !== undefined;
    if (heldFor === this.heldFor || staysOut || this.heldFor === 'patient-change' || this.#isLetOn) return;
    Object.assign(this, { heldFor, said: undefined });
    if (heldFor === undefined) this.#show();
    else if (this.#withdraws()) this.shown = undefined;
  }
  #show(): void {
    this.shown = { version: this.version, member: this.#memberOf(this.version.patient) };
  }
  /** What may not be had any more is not shown as it was before either. */
  #withdraws(): boolean {
    if (this.shown === undefined || this.#isAnothers(this.version.patient)) return false;
    const was = this.shown.version.kind ?? '';
    if (this.version.kind?.endsWith('-pa') === true) return !was.endsWith('-pa');
    // whichever check it waits for: it is known now to be more than the member chose
    return this.version.kind === 'consent-scope' && this.heldFor !== 'patient-change' && was !== 'consent-scope';
  }

  release(): void {
    const { kind, patient } = this.version;
    const wasLeft = this.heldFor === 'named-in-error' || this.heldFor === 'consent-withdrawn';
    // another check may hold it: that is asked then
    const next =
      wasLeft && kind !== undefined && kind !== 'contained-person'
        ? kind
        : this.heldFor !== 'patient-change' && this.#isAnothers(patient)
          ? 'patient-change'
          : undefined;
    if (next !== undefined) {
      this.heldFor = next;
      this.#isLetOn = true;
      if (this.#withdraws()) this.shown = undefined;
    } else {
      this.said = 'release';
      this.#before = this.shown;
      this.#show();
    }
  }
  /** It is asked about by the check of another pull that it came in. */
  readLast(kind: string, state: string): void {
    const isOfPull = (k: string | undefined) => k === 'named-in-error' || k === 'consent-withdrawn';
    const may = isOfPull(kind)
      ? this.version.kind === this.heldFor
      : isOfPull(this.heldFor) && kind === this.version.kind;
    if (state === 'open' && this.said === undefined && this.heldFor !== undefined && may) this.heldFor = kind;
  }
  undo(): void {
    if (this.said === 'release') this.shown = this.#before;
    this.said = undefined;
  }
  /** Whoever it was shown of goes on as somebody else. */
  move(from: string, to: string): void {
    for (const s of [this.shown, this.#before]) if (s?.member === from) s.member = to;
  }
}

/** The person there is told with another birth date than ours: until somebody has said who that is, or it agrees, nothing of it is shown. */
export type Doubt = { differs: boolean; said: string | undefined };
export const isDoubted = (d: Doubt | undefined): boolean =>
  d !== undefined && (d.said === 'discard' || (d.differs && (d.said === undefined || d.said === 'report-to-peer')));

/** Whoever is meant goes on as somebody else, or not any more: whether it is the person is asked anew, but where somebody else was meant. */
export const movedDoubt = (d: Doubt): Doubt => ({
  differs: d.differs,
  said: d.said === 'discard' ? d.said : undefined,
});
