import { assert } from "../../src/base/assert.ts";
import { CodedError } from "../../src/base/errors.ts";
import { TableError } from "../../src/model/replication/table-error.ts";
import { namesOf, quoteIdentifier } from "../../src/source/postgres/names.ts";
import type { Dice } from "./dice.ts";
import type { TestPostgres } from "./postgres.ts";
import { RandomSession } from "./random-session.ts";
import { firstStatements } from "./random-statements.ts";
import { TestDatabase, type StreamRun } from "./stream-run.ts";
import { until } from "./until.ts";

const rounds = 4;
const stepsPerRound = 100;

/** A database that two sessions change at random, and a stream that is stopped and started meanwhile. */
export class RandomChanges implements AsyncDisposable {
  readonly run: StreamRun;
  readonly #database: TestDatabase;
  readonly #dice: Dice;
  readonly #sessions: readonly RandomSession[];
  readonly #publication: string;

  private constructor(parts: {
    readonly run: StreamRun;
    readonly database: TestDatabase;
    readonly dice: Dice;
    readonly sessions: readonly RandomSession[];
  }) {
    this.run = parts.run;
    this.#database = parts.database;
    this.#dice = parts.dice;
    this.#sessions = parts.sessions;
    this.#publication = quoteIdentifier(namesOf(this.run.integrationId, this.#database.name).publication);
  }

  static async begin(server: TestPostgres, dice: Dice): Promise<RandomChanges> {
    const database = await TestDatabase.make(server);
    await database.run(...firstStatements);
    const run = await database.stream({ catalogPollMs: 20 });
    const begin = async () => RandomSession.begin(await server.connect(database.name), dice);
    return new RandomChanges({ run, database, dice, sessions: [await begin(), await begin()] });
  }

  /** Throws where the target is not equal in the end, or the stream failed. */
  async replicate(): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      for (let step = 0; step < stepsPerRound; step += 1) await this.#step();
      await this.#settle();
      if (this.run.isStopped) await this.run.start();
      await this.#equal();
    }
    await this.#synced();
    await this.#equal();
    // Nothing is lost but by our doing.
    assert(
      this.run.notices.every(({ code }) => code === "PUBLICATION"),
      "the slot is never lost",
    );
  }

  async #step(): Promise<void> {
    const dice = this.#dice;
    await dice.pick(this.#sessions).step();
    await this.#goOn();
    if (dice.chance(0.003)) await this.#republishTable();
    if (dice.chance(0.02)) await this.run.stop();
    if (!this.run.isStopped || !dice.chance(0.15)) return;
    if (dice.chance(0.15)) await this.#alterPublication();
    await this.run.start();
  }

  /** Without it, a stream that restarts would wait for transactions that only end when it has begun. */
  async #settle(): Promise<void> {
    for (const session of this.#sessions) await session.settle(true);
  }

  async #some(): Promise<void> {
    for (let step = this.#dice.int(10); step > 0; step -= 1) await this.#dice.pick(this.#sessions).step();
    await this.#settle();
  }

  /** While nobody reads it. */
  async #alterPublication(): Promise<void> {
    const set = async (what: string) =>
      this.#database.run(`ALTER PUBLICATION ${this.#publication} SET (${what})`);
    await this.#settle();
    await set(this.#dice.pick(["publish = 'insert'", "publish_via_partition_root = false"]));
    await this.#some();
    await set("publish = 'insert, update, delete, truncate', publish_via_partition_root = true");
  }

  async #republishTable(): Promise<void> {
    const table = this.#dice.pick(["t0", "t1", "p"]);
    await this.#settle();
    await this.#publish("DROP", table);
    await this.#some();
    await this.#publish("ADD", table);
  }

  /** The table may not be there, or be published already. */
  async #publish(how: "ADD" | "DROP", table: string): Promise<void> {
    const statement = `ALTER PUBLICATION ${this.#publication} ${how} TABLE ${table}`;
    await this.#database.run(statement).catch(() => {});
  }

  /** A table that has to be copied again may be different until then. */
  async #equal(): Promise<void> {
    await until("an equal target", async () => {
      try {
        return (await this.run.differences()).length === 0;
      } catch (error) {
        // A table that is to be looked at again may have been dropped at the place of the comparison.
        if (error instanceof CodedError && error.code === "TABLE_MISSING") return false;
        if (await this.#goOn()) return false;
        throw error;
      }
    });
  }

  /** As a worker does it, which leaves a table out whose values cannot be kept, and begins again. */
  async #goOn(): Promise<boolean> {
    if (!this.run.isEnded) return false;
    const failure = await this.run.failure();
    if (!(failure instanceof TableError)) throw failure ?? new Error("the stream ended");
    await this.run.stop();
    this.run.model.failTable(failure.table, { code: failure.code, message: failure.message });
    await this.run.start();
    return true;
  }

  /** Every table that can be replicated, and nothing is left under way. */
  async #synced(): Promise<void> {
    const names = await this.#replicable();
    const { model } = this.run;
    for (const name of names) {
      const phase = model.phase(name);
      if (phase?.kind === "failed" && phase.reason.code === "TABLE_NOT_PUBLISHED")
        await this.#publish("ADD", name);
    }
    await until(`${names.join()} synced, the others failed`, async () => {
      await this.#goOn();
      const isSettled = model.progress.tables.every(({ phase: { kind } }) =>
        ["synced", "failed", "deleted"].includes(kind),
      );
      return isSettled && names.every((name) => model.phase(name)?.kind === "synced");
    });
  }

  async #replicable(): Promise<string[]> {
    const rows = await this.#database.rows<{ name: string }>(
      `SELECT 'public.' || c.relname AS name FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
       WHERE relnamespace = 'public'::regnamespace AND relreplident = 'd' AND relkind IN ('r', 'p')
         AND NOT relispartition`,
    );
    return rows.map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) await session.end();
    await this.run[Symbol.asyncDispose]();
  }
}
