/** A token; times are of `performance.now`, in milliseconds. */
interface Held {
  value: string;
  renewedAt: number;
  endsAt: number;
}

/** A token as the platform gives it; it lives for `seconds`. */
export interface Fresh {
  value: string;
  seconds: number;
}

// A token is renewed after this share of its life; until it ends it serves while it is renewed.
const RENEWED_AFTER = 0.8;

/** The tokens of one client, by scopes. However many callers need one, it is fetched once. */
export class Tokens {
  /** The audience of signed proofs; empty until it is known. */
  issuer = '';
  readonly #held = new Map<string, Held>();
  readonly #coming = new Map<string, Promise<string>>();

  /** A token that is valid. `fetch` gets a fresh one; while that fails, one that has not ended serves. */
  async get(scope: string, fetch: () => Promise<Fresh>): Promise<string> {
    const held = this.#current(scope);
    const coming = this.#coming.get(scope);
    if (held && (coming || performance.now() < held.renewedAt)) return held.value;
    if (coming) return coming;
    const renewed = this.#renewed(scope, fetch).finally(() => this.#coming.delete(scope));
    this.#coming.set(scope, renewed);
    return renewed;
  }

  /** Forgets that token; one that has replaced it stays. */
  drop(scope: string, value: string): void {
    if (this.#held.get(scope)?.value === value) this.#held.delete(scope);
  }

  #current(scope: string): Held | undefined {
    const held = this.#held.get(scope);
    return held && performance.now() < held.endsAt ? held : undefined;
  }

  async #renewed(scope: string, fetch: () => Promise<Fresh>): Promise<string> {
    try {
      const { value, seconds } = await fetch();
      const now = performance.now();
      this.#held.set(scope, { value, renewedAt: now + RENEWED_AFTER * seconds * 1000, endsAt: now + seconds * 1000 });
      return value;
    } catch (error) {
      const held = this.#current(scope);
      if (held) return held.value;
      throw error;
    }
  }
}
