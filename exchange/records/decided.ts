// Which units a statement of reconciling is about.

/**
 * What is decided: `id` the work id under which units are staged, `pull` the pull whose members and files they are.
 * `isFull`: everything was asked for, so that what did not come is gone.
 */
export type Decided = { id: string; pull: string; peerId: string; isFull: boolean };
