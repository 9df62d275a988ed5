import type pg from "pg";
import type { TestPostgres } from "../support/postgres.ts";

/**
 * Connections that commit transactions one after another until stopped. A server that goes away is waited for: what
 * was not committed then is not missed, since the server's own tables are what everything is compared with.
 */
export class Writers implements AsyncDisposable {
  readonly #server: TestPostgres;
  readonly #transaction: (client: pg.Client) => Promise<void>;
  readonly #work: Promise<void>[];
  #stopped = false;
  #committed = 0;

  private constructor(
    server: TestPostgres,
    transaction: (client: pg.Client) => Promise<void>,
    count: number,
  ) {
    this.#server = server;
    this.#transaction = transaction;
    this.#work = Array.from({ length: count }, () => this.#run());
  }

  static start(
    server: TestPostgres,
    { count, transaction }: { count: number; transaction: (client: pg.Client) => Promise<void> },
  ): Writers {
    return new Writers(server, transaction, count);
  }

  get committed(): number {
    return this.#committed;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const client = await this.#server.connect().catch(() => undefined);
      if (client === undefined) {
        await new Promise(setImmediate);
        continue;
      }
      try {
        while (!this.#stopped) {
          await this.#transaction(client);
          this.#committed += 1;
        }
      } catch (error) {
        // 57P01 and lost connections are what a restart looks like; everything else is a mistake in the test.
        if (isMistake(error)) throw error;
      } finally {
        await client.end().catch(() => {});
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#work);
  }
}

function isMistake(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(22|23|42)/.test(code);
}
