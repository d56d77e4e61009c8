import type { Knogin } from './client.js';
import type * as models from './models/index.js';
import { ConsumerInUse, LeaseLost } from './problems.js';

const WAIT_SECONDS = 20;

export interface ConsumeOptions {
  /** The highest number of events that are read and committed together. 100 without. */
  limit?: number | undefined;
  /** Handle a read within so many seconds, or its events go to another reader too. 60 without. */
  leaseSeconds?: number | undefined;
  /** Ends the loop by an error: its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * The events of a consumer, without an end (`for await`): at least once, in the order of their keys.
 *
 * An event counts as handled when the next one is asked for, and a read is committed when its last event is. Leave the
 * loop, or throw in it, and the events of that read come again. While another process reads this consumer, it waits.
 * Throws what any call throws: begin again after a pause.
 */
export async function* consume(
  client: Knogin,
  consumerName: string,
  { limit = 100, leaseSeconds = 60, signal }: ConsumeOptions = {},
): AsyncGenerator<models.log.ReadEvent, void, undefined> {
  const asked = { limit, wait: WAIT_SECONDS, lease_seconds: leaseSeconds };
  for (;;) {
    let reading: models.log.Reading;
    try {
      reading = await client.eventLog.readEvents(consumerName, asked, { signal });
    } catch (error) {
      // The call has waited for the other reader already.
      if (error instanceof ConsumerInUse) continue;
      throw error;
    }
    yield* reading.events;
    if (reading.cursor !== null) {
      try {
        await client.eventLog.commitEvents(consumerName, { cursor: reading.cursor }, { signal });
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error; // its events come again
      }
    }
  }
}
