import { stat } from "node:fs/promises";
import { expect, test } from "vitest";
import { CodedError } from "../../base/errors.ts";
import { TestPostgres, type PostgresVersion } from "../../../test/support/postgres.ts";
import { printedSeed, randomFrom } from "../../../test/support/random.ts";
import { StreamRun, TestDatabase } from "../../../test/support/stream-run.ts";
import { until } from "../../../test/support/until.ts";
import { postgres } from "./engine.ts";
import { parsePosition, parseLsn } from "./stream/lsn.ts";
import { namesOf } from "./names.ts";

/** The server needs a moment to notice that a reader has gone. */
async function untilFree(server: TestPostgres, slot: string): Promise<void> {
  await until("a slot that nobody reads", async () => {
    const [row] = await server.rows<{ active: boolean }>(
      `SELECT active FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    return row?.active === false;
  });
}

const never = new AbortController().signal;
const versions: PostgresVersion[] = [14, 18];

function slotOf(run: StreamRun): string {
  return namesOf(run.integrationId, run.request.database).slot;
}

test.each(versions)("PostgreSQL %i: rows written while tables are copied are there once", async (version) => {
  await using server = await TestPostgres.start({ version });
  const tables = ["a", "b", "c"];
  await server.run(
    tables.flatMap((name) => [
      `CREATE TABLE ${name} (id serial PRIMARY KEY, v int)`,
      `INSERT INTO ${name} (v) SELECT i FROM generate_series(1, 20000) i`,
      // Without a key, a row at the border between copy and stream would show twice.
      `CREATE TABLE k${name} (v int)`,
      `ALTER TABLE k${name} REPLICA IDENTITY FULL`,
    ]),
  );
  const seed = printedSeed();
  let isWriting = true;
  const write = async (writer: number): Promise<void> => {
    const random = randomFrom(seed + writer);
    const client = await server.connect();
    while (isWriting) {
      const table = tables[Math.floor(random() * tables.length)] ?? "a";
      const id = 1 + Math.floor(random() * 20_000);
      await client.query("BEGIN");
      await client.query(`INSERT INTO ${table} (v) VALUES (${id})`);
      await client.query(`UPDATE ${table} SET v = v + 1 WHERE id = ${id}`);
      await client.query(`DELETE FROM ${table} WHERE id = ${id + 1}`);
      await client.query(`INSERT INTO k${table} VALUES (${id % 7})`);
      await client.query(random() < 0.1 ? "ROLLBACK" : "COMMIT");
    }
    await client.end();
  };
  const writers = Promise.all([write(1), write(2)]);
  await using run = await StreamRun.start(server);
  await run.synced(...tables.flatMap((name) => [`public.${name}`, `public.k${name}`]));
  for (let round = 0; round < 3; round += 1) expect(await run.differences()).toEqual([]);
  await server.run("CREATE TABLE late AS SELECT * FROM a", "postgres");
  await server.run("ALTER TABLE late ADD PRIMARY KEY (id)");
  await run.synced("public.late");
  isWriting = false;
  await writers;
  expect(await run.differences()).toEqual([]);
});

test("a stream goes on from wherever it was cut off", async () => {
  await using server = await TestPostgres.start({ settings: { logical_decoding_work_mem: "64kB" } });
  const random = randomFrom(printedSeed());
  await server.run([
    "CREATE TABLE t (id serial PRIMARY KEY, v int)",
    "INSERT INTO t (v) SELECT i FROM generate_series(1, 30000) i",
    "CREATE TABLE u (v int)",
    "ALTER TABLE u REPLICA IDENTITY FULL",
  ]);
  await using run = await StreamRun.make(server);
  const writer = await server.connect();
  for (let round = 0; round < 25; round += 1) {
    await run.start();
    await writer.query(
      `INSERT INTO u SELECT i % 10 FROM generate_series(1, ${Math.floor(random() * 5000)}) i`,
    );
    await writer.query(`UPDATE t SET v = v + 1 WHERE id % 100 = ${round}`);
    if (round === 10) await writer.query("ALTER TABLE t ADD w int DEFAULT 1");
    if (round === 15) await writer.query("TRUNCATE u");
    const events = 1 + Math.floor(random() * 4);
    let seen = 0;
    const before = run.model.checkpoint;
    await until("some progress", () => {
      if (run.model.checkpoint !== before || seen > 20) seen += 1;
      return seen > events || random() < 0.02;
    });
    const slot = slotOf(run);
    await run.stop();
    const [row] = await server.rows<{ lsn: string }>(
      `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    const held = run.model.checkpoint === undefined ? undefined : parsePosition(run.model.checkpoint).lsn;
    if (held !== undefined && row !== undefined) expect(parseLsn(row.lsn)).toBeLessThanOrEqual(held);
  }
  await writer.end();
  await run.start();
  await run.synced("public.t", "public.u");
  expect(await run.differences()).toEqual([]);
});

test("a table whose key was exchanged while the stream was away is replicated again by itself", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  // The stream describes the row as one of a table without a key; the catalog has never looked otherwise.
  await server.run([
    "ALTER TABLE t DROP CONSTRAINT t_pkey",
    "INSERT INTO t VALUES (2)",
    "ALTER TABLE t ADD PRIMARY KEY (id)",
  ]);
  await run.start();
  await run.differences();
  await run.synced("public.t");
  expect(await run.differences()).toEqual([]);
});

test("those who want the stream to stand still at once get their turn one after another", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  const all = await Promise.all([run.differences(), run.differences(), run.differences()]);
  expect(all).toEqual([[], [], []]);
});

test("tables that were copied are not read again after a restart", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE ROLE r LOGIN REPLICATION PASSWORD 'secret'", "CREATE DATABASE d OWNER r"]);
  await server.run(["SET ROLE r", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"], "d");
  await using run = await StreamRun.make(server, { database: "d", user: "r" });
  await run.start();
  await run.synced("public.t");
  await run.stop();
  await server.run(["REVOKE ALL ON t FROM r", "INSERT INTO t VALUES (2)"], "d");
  await run.start();
  await run.until("the row", () => run.model.rows("public.t").length === 2);
  expect(run.model.copiedRows).toBe(1);
});

test.each(versions)(
  "PostgreSQL %i: a slot that is gone, or was made again, leads to new copies",
  async (version) => {
    await using server = await TestPostgres.start({ version });
    await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
    await using run = await StreamRun.start(server);
    await run.synced("public.t");
    await run.stop();
    const slot = slotOf(run);
    await untilFree(server, slot);
    await server.run([
      `SELECT pg_drop_replication_slot('${slot}')`,
      "DELETE FROM t",
      "INSERT INTO t VALUES (2)",
    ]);
    await run.start();
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    expect(run.notices.map(({ code }) => code)).toEqual(["SLOT_LOST"]);
    await run.stop();
    await untilFree(server, slot);
    await server.run([
      `SELECT pg_drop_replication_slot('${slot}')`,
      "DELETE FROM t",
      `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`,
    ]);
    await run.start();
    await run.until("an empty table", () => run.model.rows("public.t").length === 0);
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    await run.stop();
    const { publication } = namesOf(run.integrationId, "postgres");
    await server.run([`DROP PUBLICATION ${publication}`, "INSERT INTO t VALUES (3)"]);
    await run.start();
    await run.until("the row", () => run.model.rows("public.t").length === 1);
    expect(run.notices.at(-1)?.code).toBe("PUBLICATION");
    await run.synced("public.t");
    await run.stop();
    // Rows that were written without it cannot be read: PostgreSQL looks for it as it was then.
    await server.run([
      `DROP PUBLICATION ${publication}`,
      "INSERT INTO t VALUES (4)",
      `CREATE PUBLICATION ${publication} FOR TABLE t WITH (publish_via_partition_root = true)`,
    ]);
    await run.start();
    await run.until("the row", () => run.model.rows("public.t").length === 2);
    await run.synced("public.t");
    expect(await run.differences()).toEqual([]);
    await server.run(`DROP PUBLICATION ${publication}`);
    expect(await run.failure()).toMatchObject({ code: "PUBLICATION" });
  },
);

test("a slot that was invalidated is noticed while the stream is stopped and while it runs", async () => {
  const settings = {
    max_slot_wal_keep_size: "1MB",
    wal_keep_size: "0",
    max_wal_size: "32MB",
    min_wal_size: "32MB",
  };
  await using server = await TestPostgres.start({ version: 16, settings });
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  const lose = async (): Promise<void> => {
    for (let round = 0; round < 3; round += 1)
      await server.run(["SELECT pg_switch_wal()", "CREATE TABLE x ()", "DROP TABLE x", "CHECKPOINT"]);
  };
  await lose();
  await until("a lost slot", async () => {
    await lose();
    const [row] = await server.rows<{ status: string }>(
      "SELECT wal_status AS status FROM pg_replication_slots",
    );
    return row?.status === "lost";
  });
  await server.run("INSERT INTO t VALUES (2)");
  await run.start();
  await run.until("the row", () => run.model.rows("public.t").length === 2);
  expect(run.notices[0]?.code).toBe("SLOT_LOST");
  expect(await run.differences()).toEqual([]);
});

test.each(versions)(
  "PostgreSQL %i: a fast restart of the source is not held up, and loses nothing",
  async (version) => {
    await using server = await TestPostgres.start({ version });
    await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
    await using run = await StreamRun.start(server);
    await run.synced("public.t");
    await server.run("INSERT INTO t SELECT generate_series(2, 1000)");
    const start = performance.now();
    await server.restart();
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(await run.failure()).toMatchObject({ code: "SOURCE_UNREACHABLE" });
    await run.restart();
    await server.run("INSERT INTO t VALUES (5000)");
    expect(await run.differences()).toEqual([]);
    expect(run.model.copiedRows).toBe(1);
  },
);

test("an idle stream moves its slot on while others write", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "CREATE DATABASE other"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  const confirmed = async (): Promise<bigint> => {
    const [row] = await server.rows<{ lsn: string }>(
      `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${slotOf(run)}'`,
    );
    return parseLsn(row?.lsn ?? "0/0");
  };
  const before = await confirmed();
  await server.run(
    ["CREATE TABLE x (t text)", "INSERT INTO x SELECT repeat('x', 1000) FROM generate_series(1, 40000)"],
    "other",
  );
  await until("a slot that moves", async () => (await confirmed()) - before > 16n << 20n);
  expect(run.source.measures().retainedBytes).toBeLessThan(64 << 20);
});

test("a busy reader keeps its connection to a server with a short wal_sender_timeout", async () => {
  await using server = await TestPostgres.start({ settings: { wal_sender_timeout: "1s" } });
  await server.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
  await using run = await StreamRun.make(server);
  const source = await postgres.open(run.request, never);
  const blocks = source.read(never);
  try {
    await blocks.next();
    const writer = await server.connect();
    const insert = writer.query("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 30000) i");
    const start = performance.now();
    await until("some seconds", () => performance.now() - start > 4000);
    await insert;
    await writer.end();
    const [row] = await server.rows<{ active: boolean }>(
      `SELECT active FROM pg_replication_slots WHERE slot_name = '${slotOf(run)}'`,
    );
    expect(row?.active).toBe(true);
  } finally {
    await source[Symbol.asyncDispose]();
    await blocks.return(undefined as never).catch(() => {});
  }
});

test("a slot that another reader holds is waited for, and refused if it is not ours", async () => {
  await using server = await TestPostgres.start();
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  const { request } = run;
  // A second process: the first one's reader is taken for a leftover and ended.
  const second = await postgres.open(request, never);
  expect(await run.failure()).toMatchObject({ code: "SOURCE_UNREACHABLE" });
  await second[Symbol.asyncDispose]();
});

test("another cluster, and one taken back in time, are refused", async () => {
  await using server = await TestPostgres.start();
  await using other = await TestPostgres.start();
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  await run.stop();
  const { request } = run;
  await expect(postgres.open({ ...request, url: other.url() }, never)).rejects.toMatchObject({
    code: "SOURCE_REPLACED",
  });
  const ahead = request.progress.checkpoint?.replace(/[^/]*\/[^/]*$/, "FF/0");
  const progress = { ...request.progress, checkpoint: ahead as typeof request.progress.checkpoint };
  const refused = postgres.open({ ...request, progress }, never);
  await expect(refused).rejects.toBeInstanceOf(CodedError);
  await expect(refused).rejects.toMatchObject({ code: "SOURCE_REPLACED" });
});

test("spool files are for our eyes, and gone when their transaction or the stream is", async () => {
  await using server = await TestPostgres.start({ settings: { logical_decoding_work_mem: "64kB" } });
  await server.run("CREATE TABLE t (id int PRIMARY KEY)");
  await using run = await StreamRun.start(server);
  await run.synced("public.t");
  const writer = await server.connect();
  await writer.query("BEGIN");
  await writer.query("INSERT INTO t SELECT generate_series(1, 20000)");
  const { readdir } = await import("node:fs/promises");
  const files = (): Promise<string[]> => readdir(run.spoolDirectory);
  const [file = ""] = await until("a spool", async () => {
    const found = await files();
    return found.length > 0 ? found : undefined;
  });
  expect((await stat(`${run.spoolDirectory}/${file}`)).mode & 0o777).toBe(0o600);
  await run.restart();
  await writer.query("INSERT INTO t SELECT generate_series(20001, 30000)");
  await writer.query("ROLLBACK");
  await until("no spool", async () => (await files()).length === 0);
  await writer.end();
  await server.run("INSERT INTO t VALUES (1)");
  expect(await run.differences()).toEqual([]);
});

test("a long transaction holds up new copies, not the stream", async () => {
  await using server = await TestPostgres.start();
  const database = await TestDatabase.make(server);
  await database.run("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE other (id int)");
  await using run = await database.stream();
  await run.synced("public.t");
  const open = await server.connect(database.name);
  await open.query("BEGIN");
  await open.query("INSERT INTO other VALUES (1)");
  await database.run("CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO u VALUES (1)");
  await run.until("u is known", () => (run.source.measures().copiesWaiting?.size ?? 0) > 0);
  await database.run("INSERT INTO t VALUES (1)");
  await run.until("the row", () => run.model.rows("public.t").length === 1);
  expect(run.model.phase("public.u")).toBeUndefined();
  await open.query("COMMIT");
  await open.end();
  await run.synced("public.u");
  expect(await run.differences()).toEqual([]);
});
