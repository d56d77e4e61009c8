import type { Knogin } from './client.js';
import type * as models from './models/index.js';
import { ConsumerInUse, LeaseLost } from './problems.js';
import { randomId } from './runtime.js';

const WAIT_SECONDS = 20;
// To give events back is a courtesy: the lease ends by itself.
const COURTESY = { timeout: 5_000 };

export interface ConsumeOptions {
  /** The highest number of events that are read and committed together. 100 without. */
  limit?: number | undefined;
  /** Handle a read within so many seconds, or its events go to another reader too. 60 without. */
  leaseSeconds?: number | undefined;
  /**
   * A name of this process alone (letters, digits, `.`, `_`, `-`; at most 64): after a crash a loop of the same name
   * goes on at once, not when the lease ends.
   */
  reader?: string | undefined;
  /** Ends the loop by an error: its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * The events of a consumer, without an end (`for await`): at least once, in the order of their keys.
 *
 * An event counts as handled when the next one is asked for, and a read is committed when its last event is. Leave the
 * loop, or throw in it, and that event and those after it come again: they are given back, so that the next loop gets
 * them at once. While another process reads this consumer, it waits. Throws what any call throws, after its attempts:
 * begin again after a pause.
 */
export async function* consume(
  client: Knogin,
  consumerName: string,
  { limit = 100, leaseSeconds = 60, reader, signal }: ConsumeOptions = {},
): AsyncGenerator<models.log.ReadEvent, void, undefined> {
  const name = reader ?? (await randomId());
  const asked = { limit, wait: WAIT_SECONDS, lease_seconds: leaseSeconds, reader: name };
  for (;;) {
    let reading: models.log.Reading;
    try {
      reading = await client.eventLog.readEvents(consumerName, asked, { signal });
    } catch (error) {
      // The call has waited for the other reader already.
      if (error instanceof ConsumerInUse) continue;
      throw error;
    }
    let handled: string | null = null;
    try {
      for (const event of reading.events) {
        yield event;
        handled = event.cursor;
      }
    } finally {
      if (handled !== reading.cursor) await giveBack(client, consumerName, handled, reading.cursor);
    }
    if (handled !== null) {
      try {
        await client.eventLog.commitEvents(consumerName, { cursor: handled }, { signal });
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error; // its events come again
      }
    }
  }
}

async function giveBack(client: Knogin, consumerName: string, handled: string | null, last: string | null) {
  try {
    if (handled !== null) await client.eventLog.commitEvents(consumerName, { cursor: handled }, COURTESY);
    if (last !== null) await client.eventLog.extendLease(consumerName, { cursor: last, lease_seconds: 0 }, COURTESY);
  } catch {
    // The events come again when their lease ends.
  }
}
