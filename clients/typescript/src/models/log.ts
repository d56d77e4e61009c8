// Generated from the contract by `make clients`; do not edit.

/** The end of the events that are handled */
export interface Commit {
  /** The cursor of the last event that is handled, or of the whole read */
  cursor: string;
}

/**
 * `moved` is false for a place that was committed before. `leased_until` is null once everything that was handed out is
 * committed.
 */
export interface Committed {
  /** Whether this commit moved the consumer; false if it was committed already */
  moved: boolean;
  /** When the lease of these events ends; null without one */
  leased_until: string | null;
}

/**
 * A named reader of an app. `event_types` is null for every type that the app is approved for.
 *
 * `expired`: events it has not read are past their retention, and reading is refused until it seeks. `unread` is in the
 * answer to
 * reading one consumer, of the calling app's own.
 */
export interface Consumer {
  /** Its name, unique within the app */
  name: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The types that it reads; null for every type that the app is approved for */
  event_types: string[] | null;
  /** Those of `event_types` for which the app has no approval: they are not read */
  unapproved_events: string[];
  /** When the last event that it committed or passed was accepted; null before the organisation's first event */
  committed_until: string | null;
  /** Until when a read holds it; null while no read does */
  leased_until: string | null;
  /** When it was made */
  created_at: string;
  /** When it was last read */
  read_at: string | null;
  /** When its last commit came */
  committed_at: string | null;
  /** Whether events that it has not read are past their retention: seek before reading on */
  expired?: boolean;
  /** The events that wait for it */
  unread?: Unread | null;
}

/** A page of consumers */
export interface Consumers {
  /** The items of this page, by name */
  consumers: Consumer[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A page of events */
export interface Events {
  /** The items of this page, in the order that was asked for */
  events: StoredEvent[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** 0 seconds give the events back at once. */
export interface Extend {
  /** A cursor of the read whose lease is extended */
  cursor: string;
  /** Seconds from now until the lease ends; 0 gives the events back */
  lease_seconds?: number;
}

/** The new end of a lease */
export interface Extended {
  /** When the lease of these events ends; null without one */
  leased_until: string;
}

/** A consumer to create */
export interface NewConsumer {
  /** Unique within the app: lower-case letters, digits, dots, dashes and underscores */
  name: string;
  /** Types of the catalogue in full, without `*`; without them every type that the app is approved for */
  event_types?: readonly string[] | null;
  /** Begin after the newest event, or with the oldest that is kept */
  start?: 'beginning' | 'end';
  /** Begin at the first event accepted at this time or later, instead of at `start` */
  since?: string | null;
}

/** An event with its place: to commit its cursor commits it and all before it. */
export interface ReadEvent {
  /** The id */
  id: string;
  /** The type */
  type: string;
  /** The id of the event's subject, such as an encounter: events of one key come in their order */
  key: string | null;
  /** When it happened */
  timestamp: string;
  /** When the platform accepted the event; events are listed and read in this order */
  accepted_at: string;
  /** The event's data, in the form of its type; null where they are past their retention */
  data: Record<string, unknown> | null;
  /** Whether it is a demonstration or of a sandbox */
  test?: boolean;
  /** To commit this event and all before it */
  cursor: string;
}

/** How much to read, and how long to wait for it */
export interface ReadEvents {
  /** The highest number of events */
  limit?: number;
  /** Seconds to wait for an event where there is none */
  wait?: number;
  /** Seconds for which the events are held for this read */
  lease_seconds?: number;
  /**
   * A name of this program alone, the same in each of its reads: it then gets the events of its own lease again at
   * once, as after an answer that was lost or a restart
   */
  reader?: string | null;
}

/**
 * The next events of a consumer, in order. Commit `cursor` once all of them are handled, before `leased_until`, or they
 * come again.
 *
 * Both are null without events. `more`: further events wait already.
 */
export interface Reading {
  /** The next events, in the order of acceptance */
  events: ReadEvent[];
  /** To commit all of these events; null without events */
  cursor: string | null;
  /** When the lease of these events ends; null without one */
  leased_until: string | null;
  /** Whether further events wait already */
  more: boolean;
}

/** One of the three. */
export interface Seek {
  /** The oldest event that is kept, or after the newest */
  to?: 'beginning' | 'end' | null;
  /** To go on at the first event accepted at this time or later */
  since?: string | null;
  /** To go on after the event of this cursor */
  cursor?: string | null;
}

/**
 * An event as a webhook gets it, with its id, its key and the time at which it was accepted.
 *
 * `data` is null where the event happened long before it was accepted, and its day is past its retention.
 */
export interface StoredEvent {
  /** The id */
  id: string;
  /** The type */
  type: string;
  /** The id of the event's subject, such as an encounter: events of one key come in their order */
  key: string | null;
  /** When it happened */
  timestamp: string;
  /** When the platform accepted the event; events are listed and read in this order */
  accepted_at: string;
  /** The event's data, in the form of its type; null where they are past their retention */
  data: Record<string, unknown> | null;
  /** Whether it is a demonstration or of a sandbox */
  test?: boolean;
}

/** How many events wait, counted up to 1,000 (`more`), and since when the first of them. */
export interface Unread {
  /** The number of events, at most 1,000 */
  number: number;
  /** Whether more than 1,000 wait */
  more: boolean;
  /** When the first of them was accepted */
  oldest_at: string | null;
}
