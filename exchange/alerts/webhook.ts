// An alert as a message in the form of Standard Webhooks (https://www.standardwebhooks.com): signed with a shared secret.
import { createHmac } from 'node:crypto';
import type { Alert } from './alert.ts';

export type Message = { body: string; headers: Record<string, string> };

/** The secret's bytes: `whsec_` and base64, or the text itself. */
function secretBytes(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
}

/**
 * What is sent of an alert: kind, subject (a pull, a payer, a kind of clock) and amount; nothing of a member. The id is the
 * same for each try, so that a receiver can tell repeats.
 */
export function alertMessage(
  alert: Alert,
  node: { name: string; staffUrl: string },
  secret: string | undefined,
  now: Date,
): Message {
  const type = alert.clearedAt === null ? 'alert.standing' : 'alert.cleared';
  const id = `${alert.id}-${alert.clearedAt === null ? 'standing' : 'cleared'}`;
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const body = JSON.stringify({
    type,
    timestamp: (alert.clearedAt ?? alert.firstAt).toISOString(),
    data: {
      node: node.name,
      kind: alert.kind,
      subject: alert.subject,
      amount: alert.amount,
      since: alert.firstAt.toISOString(),
      page: node.staffUrl,
    },
  });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      ...(secret === undefined
        ? {}
        : {
            'webhook-signature': `v1,${createHmac('sha256', secretBytes(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
          }),
    },
  };
}
