import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { present } from "../../../base/assert.ts";
import type { TableEvent } from "../../../model/replication/block.ts";
import { BlockBuilder } from "../stream/block-builder.ts";
import { readTables } from "../catalog/catalog-table.ts";
import { parseLsn, parsePosition, positionOf, type Lsn } from "../stream/lsn.ts";
import { namesOf } from "../names.ts";
import { createPublication } from "../catalog/publication.ts";
import { Session } from "../connection/session.ts";
import { shapeOf } from "../catalog/shape.ts";
import { StreamTables } from "../tables/stream-tables.ts";
import { TableCopier } from "./table-copier.ts";
import { readTypeContext } from "../catalog/type-context.ts";

const never = new AbortController().signal;
const log = { system: "1", timeline: 1 };

/** A copier with one table that wants a copy, and has a snapshot for it. */
async function prepared(server: TestPostgres, session: Session) {
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  const connect = { url: server.url(), database: "postgres" };
  const names = namesOf("00000000-0000-4000-8000-000000000001", "postgres");
  await createPublication(session, names.publication);
  const found = await readTables(session, { publication: names.publication });
  const context = await readTypeContext(session, found.values());
  const tables = new StreamTables([], true);
  for (const table of found.values()) {
    const result = shapeOf(table, context);
    if (result.kind === "shape") tables.add(result.shape);
  }
  const copier = new TableCopier({ connect, names, log, tables, onWait: () => {} });
  await copier.prepare(tables.wanted(), never);
  return { copier, tables, table: present(tables.wanted()[0], "the table wants a copy") };
}

async function lsnNow(server: TestPostgres): Promise<Lsn> {
  const [row] = await server.rows<{ lsn: string }>("SELECT pg_current_wal_insert_lsn()::text AS lsn");
  return parseLsn(row?.lsn ?? "");
}

async function copied(
  copier: TableCopier,
  session: Session,
): Promise<{ rows: number; events: TableEvent[] }> {
  const cut = { position: positionOf(log, 0n), sequence: 0n, committedAtMs: 0, transactions: 0 };
  let rows = 0;
  const events: TableEvent[] = [];
  for await (const block of copier.copy(cut, session, never)) {
    rows += block.count - block.events.length;
    events.push(...block.events);
  }
  return { rows, events };
}

test("a copy is made as of its first snapshot while the stream has left nothing out since", async () => {
  await using server = await TestPostgres.start();
  await using session = await Session.open({ url: server.url(), database: "postgres" }, never);
  const { copier, table } = await prepared(server, session);
  table.leftOutAt = 1n;
  await server.run("INSERT INTO t VALUES (2)");
  expect((await copied(copier, session)).rows).toBe(1);
});

test("a stream that has left out changes which the snapshot lacks gets a later snapshot", async () => {
  await using server = await TestPostgres.start();
  await using session = await Session.open({ url: server.url(), database: "postgres" }, never);
  const { copier, table } = await prepared(server, session);
  const leftOutAt = await lsnNow(server);
  await server.run("INSERT INTO t VALUES (2)");
  table.leftOutAt = leftOutAt;
  const { rows, events } = await copied(copier, session);
  expect(rows).toBe(2);
  const finished = present(
    events.find(({ kind }) => kind === "copy-finished"),
    "the copy is finished",
  );
  expect(finished.kind === "copy-finished" && parsePosition(finished.position).lsn > leftOutAt).toBe(true);
});

test("a transaction that stays open puts the copy off, and the stream goes on", async () => {
  await using server = await TestPostgres.start();
  await using session = await Session.open({ url: server.url(), database: "postgres" }, never);
  const { copier, table } = await prepared(server, session);
  const open = await server.connect();
  await open.query("BEGIN; INSERT INTO t VALUES (2)");
  table.leftOutAt = await lsnNow(server);
  expect(await copied(copier, session)).toEqual({ rows: 0, events: [] });
  expect(copier.isIdle).toBe(true);
  await open.query("COMMIT");
  await open.end();
  await copier.prepare([table], never);
  expect((await copied(copier, session)).rows).toBe(2);
  const slots = await server.rows("SELECT 1 FROM pg_replication_slots");
  expect(slots).toEqual([]);
});

test("a table that left the stream, or failed in it, after it was prepared is not copied", async () => {
  await using server = await TestPostgres.start();
  await using session = await Session.open({ url: server.url(), database: "postgres" }, never);
  const { copier, tables, table } = await prepared(server, session);
  tables.fail(table, { code: "TABLE_UNSUPPORTED", message: "It is unlogged now." }, new BlockBuilder());
  expect(await copied(copier, session)).toEqual({ rows: 0, events: [] });
  table.enter({ kind: "wanted" });
  await copier.prepare([table], never);
  tables.drop(table, new BlockBuilder());
  expect(await copied(copier, session)).toEqual({ rows: 0, events: [] });
});

test("a table that failed and was fixed while its snapshot was taken is copied with what was left out meanwhile", async () => {
  await using server = await TestPostgres.start();
  await using session = await Session.open({ url: server.url(), database: "postgres" }, never);
  const { copier, tables, table } = await prepared(server, session);
  tables.fail(table, { code: "TABLE_UNSUPPORTED", message: "It is unlogged now." }, new BlockBuilder());
  const lsn = await lsnNow(server);
  await server.run("INSERT INTO t VALUES (2)");
  expect(table.skips(lsn)).toBe(true);
  table.enter({ kind: "wanted" });
  expect((await copied(copier, session)).rows).toBe(2);
});
