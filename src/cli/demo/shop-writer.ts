import pg from "pg";
import { present } from "../../base/assert.ts";
import { pause } from "../../base/backoff.ts";
import { logger } from "../../base/log.ts";
import { TaskGroup } from "../../base/task-group.ts";

export interface ShopWriterOptions {
  readonly url: string;
  /** Transactions per second, over all connections. */
  readonly rate: number;
  readonly connections: number;
}

export interface ShopWriterMeasures {
  /** Committed transactions. */
  readonly transactions: number;
  /** Rows that they inserted, updated and deleted. */
  readonly changes: number;
  /** Attempts that the server rejected or that lost their connection. The latter may have been committed. */
  readonly failures: number;
}

interface Kind {
  readonly name: string;
  /** Its approximate share of every hundred transactions. */
  readonly share: number;
  /** One statement: one transaction. Returns `changes`. $1 and $2 are random, 0 … 2^31 − 1. */
  readonly sql: string;
}

/**
 * The transactions of a shop. Each statement changes several tables at once, and readers must never see a part of it.
 */
const kinds: readonly Kind[] = [
  {
    name: "place-order",
    share: 45,
    sql: `WITH customer AS (SELECT id FROM customers WHERE id > $1::bigint % (SELECT max(id) FROM customers) ORDER BY id LIMIT 1),
    bought AS (SELECT id, price, (row_number() OVER ())::smallint AS line FROM products
      WHERE id > $2::bigint % (SELECT max(id) FROM products) ORDER BY id LIMIT 1 + $1::int % 4),
    placed AS (INSERT INTO orders (customer_id, status, total, note)
      SELECT customer.id, 'paid', (SELECT sum(price) FROM bought), CASE WHEN $2::int % 3 = 0 THEN repeat('Leave it at the door. ', 1 + $2::int % 20) END
      FROM customer RETURNING id, total),
    lines AS (INSERT INTO order_lines SELECT placed.id, line, bought.id, 1, price FROM placed, bought RETURNING 1),
    paid AS (INSERT INTO payments (order_id, amount, method) SELECT id, total, 'card' FROM placed RETURNING 1),
    taken AS (UPDATE products SET stock = stock - 1 WHERE id = (SELECT min(id) FROM bought) RETURNING 1)
    SELECT (SELECT count(*) FROM placed) + (SELECT count(*) FROM lines) + (SELECT count(*) FROM paid) + (SELECT count(*) FROM taken) AS changes`,
  },
  {
    name: "ship-order",
    share: 25,
    sql: `WITH packed AS (SELECT id FROM orders WHERE id > $1::bigint % (SELECT max(id) FROM orders) ORDER BY id LIMIT 1 FOR UPDATE),
    shipped AS (UPDATE orders SET status = 'shipped' WHERE id = (SELECT id FROM packed) RETURNING id),
    sent AS (INSERT INTO shipments (order_id, carrier, transit) SELECT id, 'bike', $2::int % 96 * interval '1 hour' FROM shipped RETURNING 1)
    SELECT (SELECT count(*) FROM shipped) + (SELECT count(*) FROM sent) AS changes`,
  },
  {
    name: "change-customer",
    share: 15,
    sql: `WITH moved AS (UPDATE addresses SET street = $2::int % 200 || ' Side Street'
      WHERE id = (SELECT id FROM addresses WHERE id > $1::bigint % (SELECT max(id) FROM addresses) ORDER BY id LIMIT 1) RETURNING customer_id),
    written AS (UPDATE customers SET newsletter = NOT newsletter WHERE id IN (SELECT customer_id FROM moved) RETURNING 1)
    SELECT (SELECT count(*) FROM moved) + (SELECT count(*) FROM written) AS changes`,
  },
  {
    name: "cancel-order",
    share: 10,
    sql: `WITH chosen AS (SELECT id FROM orders WHERE id > $1::bigint % (SELECT max(id) FROM orders) ORDER BY id LIMIT 1 FOR UPDATE),
    lines AS (DELETE FROM order_lines WHERE order_id IN (SELECT id FROM chosen) RETURNING 1),
    paid AS (DELETE FROM payments WHERE order_id IN (SELECT id FROM chosen) RETURNING 1),
    sent AS (DELETE FROM shipments WHERE order_id IN (SELECT id FROM chosen) RETURNING 1),
    gone AS (DELETE FROM orders WHERE id IN (SELECT id FROM chosen) AND $2::int >= 0 RETURNING 1)
    SELECT (SELECT count(*) FROM lines) + (SELECT count(*) FROM paid) + (SELECT count(*) FROM sent) + (SELECT count(*) FROM gone) AS changes`,
  },
  {
    name: "new-customer",
    share: 5,
    sql: `WITH met AS (INSERT INTO customers (name, email, born) VALUES ('Customer ' || $1::int, $1::int || '@example.com', date '1980-01-01' + $2::int % 9000) RETURNING id),
    housed AS (INSERT INTO addresses (customer_id, street, city, postcode) SELECT id, '1 New Road', 'Malmö', '12345' FROM met RETURNING 1)
    SELECT 1 + (SELECT count(*) FROM housed) AS changes`,
  },
];

const log = logger("shop-writer");
// A writer that is delayed longer continues at its usual rate, so as not to flood a server that has just recovered.
const behindMsMax = 1000;
const reconnectMs = 100;

/** Writes to a shop as its customers would, at a steady rate, until disposed of. Waits for a server that restarts. */
export class ShopWriter implements AsyncDisposable {
  readonly #options: ShopWriterOptions;
  readonly #tasks = new TaskGroup();
  #transactions = 0;
  #changes = 0;
  #failures = 0;

  private constructor(options: ShopWriterOptions) {
    this.#options = options;
    for (let connection = 0; connection < options.connections; connection += 1)
      this.#tasks.run((signal) => this.#write(signal));
  }

  static start(options: ShopWriterOptions): ShopWriter {
    return new ShopWriter(options);
  }

  measures(): ShopWriterMeasures {
    return { transactions: this.#transactions, changes: this.#changes, failures: this.#failures };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
  }

  async #write(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const client = new pg.Client({
        connectionString: this.#options.url,
        application_name: "zeroetl demo shop",
      });
      // The running query also reports the error, which would end the process if there were no listener.
      client.on("error", () => {});
      try {
        await client.connect();
        await this.#writeOn(client, signal);
      } catch (error) {
        signal.throwIfAborted();
        this.#failures += 1;
        log.debug({ err: error }, "The shop's server refused a transaction");
        await pause(reconnectMs, signal);
      } finally {
        await client.end().catch(() => {});
      }
    }
  }

  async #writeOn(client: pg.Client, signal: AbortSignal): Promise<never> {
    const everyMs = (1000 * this.#options.connections) / this.#options.rate;
    let due = performance.now() + Math.random() * everyMs;
    for (;;) {
      const aheadMs = due - performance.now();
      if (aheadMs > 1) await pause(aheadMs, signal);
      signal.throwIfAborted();
      due = Math.max(due + everyMs, performance.now() - behindMsMax);
      await this.#transaction(client);
    }
  }

  async #transaction(client: pg.Client): Promise<void> {
    const { name, sql } = pick(Math.random() * 100);
    const values = [0, 0].map(() => Math.floor(Math.random() * 2 ** 31));
    const { rows } = await client.query<{ changes: string }>({ name, text: sql, values });
    this.#transactions += 1;
    this.#changes += Number(rows[0]?.changes ?? 0);
  }
}

function pick(hundredth: number): Kind {
  let left = hundredth;
  for (const kind of kinds) {
    left -= kind.share;
    if (left < 0) return kind;
  }
  return present(kinds[0], "a shop has kinds of transactions");
}
