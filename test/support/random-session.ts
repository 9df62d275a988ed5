import type { Client } from "pg";
import type { Dice } from "./dice.ts";
import { randomLoneStatement, randomStatement } from "./random-statements.ts";

/** A session that begins, goes on with and ends transactions, one step at a time, beside others that do the same. */
export class RandomSession {
  readonly #client: Client;
  readonly #dice: Dice;
  #isOpen = false;
  #savepoints = 0;

  private constructor(client: Client, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
  }

  /** Ends the client with it. */
  static async begin(client: Client, dice: Dice): Promise<RandomSession> {
    // The other session may have locked what this one wants, and goes on only when this one is done with its step.
    await client.query("SET lock_timeout = '10ms'");
    return new RandomSession(client, dice);
  }

  async step(): Promise<void> {
    const dice = this.#dice;
    if (!this.#isOpen) {
      if (dice.chance(0.5)) await this.#open();
      else await this.#try(dice.chance(0.1) ? randomLoneStatement(dice) : randomStatement(dice));
    } else if (dice.chance(0.12)) await this.settle(dice.chance(0.85));
    else if (dice.chance(0.1)) await this.#rollBackToSavepoint();
    else await this.#tryWithin(randomStatement(dice));
  }

  /** Ends the transaction that is open, if one is. */
  async settle(commits: boolean): Promise<void> {
    if (!this.#isOpen) return;
    await this.#client.query(commits ? "COMMIT" : "ROLLBACK");
    this.#isOpen = false;
  }

  async end(): Promise<void> {
    await this.#client.end();
  }

  async #open(): Promise<void> {
    await this.#client.query("BEGIN");
    this.#isOpen = true;
    this.#savepoints = 0;
    // An id that is older than those of transactions that commit earlier.
    if (this.#dice.chance(0.5)) await this.#client.query("SELECT pg_current_xact_id()");
  }

  async #try(statement: string): Promise<boolean> {
    return this.#client.query(statement).then(
      () => true,
      () => false,
    );
  }

  async #tryWithin(statement: string): Promise<void> {
    const name = `s${this.#savepoints}`;
    await this.#client.query(`SAVEPOINT ${name}`);
    if (!(await this.#try(statement))) await this.#client.query(`ROLLBACK TO ${name}; RELEASE ${name}`);
    else if (this.#dice.chance(0.3)) await this.#client.query(`RELEASE ${name}`);
    else this.#savepoints += 1;
  }

  async #rollBackToSavepoint(): Promise<void> {
    if (this.#savepoints === 0) return;
    this.#savepoints = this.#dice.int(this.#savepoints);
    await this.#client.query(`ROLLBACK TO s${this.#savepoints}`);
  }
}
