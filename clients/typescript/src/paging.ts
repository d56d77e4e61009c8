/**
 * `nextCursor` is null on the last page. Pass it as `cursor` to the same method to go on from here, also in another
 * process.
 */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** A list. Iterate over it for its items (`for await`); each page is fetched when its first item is needed. */
export class Pages<T> implements AsyncIterable<T> {
  readonly #fetch: (cursor: string | undefined) => Promise<Page<T>>;
  readonly #cursor: string | undefined;

  /** @internal */
  constructor(fetch: (cursor: string | undefined) => Promise<Page<T>>, cursor: string | undefined) {
    this.#fetch = fetch;
    this.#cursor = cursor;
  }

  /** The pages, for a program that stores where it is. */
  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    let cursor: string | null | undefined = this.#cursor;
    do {
      const page: Page<T> = await this.#fetch(cursor);
      yield page;
      cursor = page.nextCursor;
    } while (cursor !== null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.items;
  }
}

/** The cursor in a `Link` header (RFC 8288) with `rel="next"`. */
export function nextCursor(link: string | null): string | null {
  for (const one of (link ?? '').split(',')) {
    const [target = '', parameters = ''] = one.trim().split('>', 2);
    if (parameters.includes('rel="next"')) {
      return new URLSearchParams(target.split('?')[1] ?? '').get('cursor');
    }
  }
  return null;
}
