// What `doctor` asks of others: does who is to be informed of alerts answer, and the payers that we ask?

import type { Deps } from '../../src/deps.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { untoldAlerts } from '../alerts/alert.ts';
import type { Peer } from '../peers/peer.ts';
import { meaning } from '../reconcile/reasons.ts';
import { discover } from '../requester/client/discover.ts';
import { isCertificate, PeerFault } from '../requester/client/peer-fetch.ts';
import { aheadText } from '../staff/data/texts.ts';

const PATIENCE_MS = 5000;
/** Tries after which an alert that no one took is more than bad luck. */
const TRIES = 3;

/** Why nothing was heard, for people: the code of the fault and no address or body. */
function why(error: unknown): string {
  if (isCertificate(error)) return 'its certificate is not valid';
  const { name, message, code, cause } = error as { name?: string; message?: string; code?: string; cause?: unknown };
  if (name === 'RefusedAddress') return `its address is not allowed (${message ?? ''})`;
  if (name === 'TimeoutError') return `nothing within ${PATIENCE_MS / 1000} seconds`;
  return code ?? (cause === undefined || cause === null ? (name ?? 'unknown') : why(cause));
}

/**
 * Does someone answer at ALERT_WEBHOOK_URL? Asked with HEAD, so that no one takes it for an alert: any answer will do, but for those that say that there is no one.
 * @throws CommandFault with a sentence, also when alerts wait that were not taken
 */
export async function alertsTold(deps: Pick<Deps, 'config' | 'fetch' | 'database'>, address: string): Promise<string> {
  let status: number;
  try {
    const answer = await deps.fetch(address, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await answer.body?.cancel();
    status = answer.status;
  } catch (error) {
    throw new CommandFault(`ALERT_WEBHOOK_URL cannot be reached (${why(error)}): no one is informed of alerts.`, {
      cause: error,
    });
  }
  if (status >= 500) throw new CommandFault(`ALERT_WEBHOOK_URL answers ${status}: no one is informed of alerts.`);
  const waiting = await untoldAlerts(deps.database.sql, TRIES);
  if (waiting > 0)
    throw new CommandFault(
      `ALERT_WEBHOOK_URL answers, but ${waiting === 1 ? 'an alert was' : `${waiting} alerts were`} not taken in ${TRIES} tries or more: the log has the answers (alert not delivered).`,
    );
  return `somebody answers at ${new URL(address).host}${deps.config.alertWebhookSecret === undefined ? '; not signed (ALERT_WEBHOOK_SECRET)' : ''}`;
}

/**
 * Does a payer that we ask publish what it should? Nothing is recorded.
 * @returns `fault` in a sentence: it may be mended without us
 */
export async function peerAnswers(deps: Deps, peer: Peer): Promise<{ said: string; fault?: string }> {
  if (peer.state !== 'active' || peer.fhirBase === null) return { said: peer.state };
  try {
    const { aheadSeconds } = await discover(
      { ...deps, fetch: (url, init) => deps.fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) }) },
      peer,
    );
    const said = `${peer.state}, answers`;
    return aheadSeconds === undefined ? { said } : { said, fault: `${said}; ${aheadText(aheadSeconds)}` };
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    return { said: peer.state, fault: `${peer.state}. ${meaning('pull', error.reason).text} (${error.reason})` };
  }
}
