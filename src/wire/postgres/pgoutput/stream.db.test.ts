import type pg from "pg";
import { expect, test } from "vitest";
import { decodedRows } from "../../../../test/support/pg-decoded.ts";
import { readCodecs, sessionSettings } from "../../../../test/support/pg-read.ts";
import { TestPostgres, type PostgresVersion } from "../../../../test/support/postgres.ts";
import {
  locateDelete,
  locateInsert,
  locateUpdate,
  message,
  readBegin,
  readCommit,
  readRelation,
  readStreamAbort,
  readStreamCommit,
  readStreamStart,
  readTruncate,
  streamedXid,
  type RowPlace,
} from "./stream.ts";
import { pgoutputTuple } from "./tuple.ts";

async function messages(client: pg.Client, options: string): Promise<Buffer[]> {
  const { rows } = await client.query<{ data: Buffer }>(
    `SELECT data FROM pg_logical_slot_get_binary_changes('s', NULL, NULL, 'publication_names', 'p', 'binary', 'true', ${options})`,
  );
  return rows.map(({ data }) => data);
}

const place = (): RowPlace => ({ relation: 0, oldTuple: -1, oldIsKey: false, newTuple: -1 });

async function withServer(
  version: PostgresVersion,
  run: (client: pg.Client) => Promise<void>,
): Promise<void> {
  await using server = await TestPostgres.start({ version, settings: { logical_decoding_work_mem: "64kB" } });
  const client = await server.connect();
  try {
    for (const statement of sessionSettings) await client.query(statement);
    await client.query("CREATE TABLE t (id int PRIMARY KEY, v text, big text)");
    await client.query("ALTER TABLE t ALTER COLUMN big SET STORAGE EXTERNAL");
    await client.query("CREATE PUBLICATION p FOR ALL TABLES");
    await client.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    await run(client);
  } finally {
    await client.end();
  }
}

const versions: readonly PostgresVersion[] = [14, 16, 18];

test.each(versions)("every kind of change of PostgreSQL %i is found in its messages", async (version) => {
  await withServer(version, async (client) => {
    await client.query(`BEGIN; INSERT INTO t VALUES (1, 'one', repeat('x', 5000)); UPDATE t SET v = 'uno';
      UPDATE t SET id = 2; DELETE FROM t; TRUNCATE t; COMMIT`);
    const codecs = (await readCodecs(client, "t")).map(({ codec }) => codec);
    const tuple = (region: Buffer, offset: number) =>
      offset < 0
        ? undefined
        : decodedRows({ layout: pgoutputTuple, region, offsets: Int32Array.of(offset) }, codecs)[0];
    const seen: unknown[] = [];
    const at = place();
    let begun = 0n;
    for (const data of await messages(client, "'proto_version', '2'")) {
      if (data[0] === message.begin) begun = readBegin(data, 0).commitLsn;
      else if (data[0] === message.commit) {
        const commit = readCommit(data, 0);
        expect(commit.commitLsn).toBe(begun);
        expect(commit.endLsn).toBeGreaterThan(begun);
        expect(Math.abs(commit.committedAtMs - Date.now())).toBeLessThan(60_000);
      } else if (data[0] === message.relation) {
        const relation = readRelation(data, 1);
        expect(relation).toMatchObject({ schema: "public", table: "t", identity: "default" });
        expect(relation.columns.map(({ name, isKey }) => [name, isKey])).toEqual([
          ["id", true],
          ["v", false],
          ["big", false],
        ]);
      } else if (data[0] === message.truncate) seen.push(["truncate", readTruncate(data, 1).oids.length]);
      else if (data[0] === message.insert) {
        locateInsert(data, 1, at);
        seen.push(["insert", tuple(data, at.newTuple)?.[1]]);
      } else if (data[0] === message.update) {
        locateUpdate(data, 1, at);
        // The big value was not sent again.
        seen.push(["update", at.oldIsKey, tuple(data, at.oldTuple), tuple(data, at.newTuple)]);
      } else if (data[0] === message.delete) {
        locateDelete(data, 1, at);
        seen.push(["delete", at.oldIsKey, tuple(data, at.oldTuple)]);
      }
    }
    expect(seen).toEqual([
      ["insert", "one"],
      ["update", false, undefined, ["1", "uno", null]],
      ["update", true, ["1", null, null], ["2", "uno", null]],
      ["delete", true, ["2", null, null]],
      ["truncate", 1],
    ]);
  });
});

test.each(versions)(
  "a transaction that PostgreSQL %i streams before its commit is put together",
  async (version) => {
    await withServer(version, async (client) => {
      await client.query(`BEGIN;
      INSERT INTO t SELECT n, repeat('a', 100) FROM generate_series(1, 2000) n;
      SAVEPOINT one; INSERT INTO t SELECT n, repeat('b', 100) FROM generate_series(3001, 5000) n; ROLLBACK TO one;
      INSERT INTO t SELECT n, repeat('c', 100) FROM generate_series(2001, 3000) n; COMMIT`);
      const inserts = new Map<number, number>();
      const aborted = new Set<number>();
      let transaction = 0;
      let committed = 0;
      const at = place();
      for (const data of await messages(client, "'proto_version', '2', 'streaming', 'true'")) {
        if (data[0] === message.streamStart) {
          const start = readStreamStart(data, 0);
          expect(start.first).toBe(transaction === 0);
          transaction = start.xid;
        } else if (data[0] === message.insert) {
          locateInsert(data, 5, at);
          expect(pgoutputTuple.end(data, at.newTuple)).toBe(data.length);
          const xid = streamedXid(data, 0);
          inserts.set(xid, (inserts.get(xid) ?? 0) + 1);
        } else if (data[0] === message.relation) expect(readRelation(data, 5).table).toBe("t");
        else if (data[0] === message.streamAbort) {
          const abort = readStreamAbort(data, 0);
          expect(abort.xid).toBe(transaction);
          aborted.add(abort.subXid);
        } else if (data[0] === message.streamCommit) committed = readStreamCommit(data, 0).xid;
      }
      expect(committed).toBe(transaction);
      expect(aborted.has(transaction)).toBe(false);
      const kept = [...inserts]
        .filter(([xid]) => !aborted.has(xid))
        .reduce((sum, [, count]) => sum + count, 0);
      expect(kept).toBe(3000);
    });
  },
);
