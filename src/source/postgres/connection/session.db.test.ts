import { expect, test } from "vitest";
import { freePort, TestPostgres } from "../../../../test/support/postgres.ts";
import { StartupProxy } from "../../../../test/support/startup-proxy.ts";
import { createServer } from "node:net";
import { once } from "node:events";
import { Session } from "./session.ts";

const never = new AbortController().signal;

test("a session's settings and name are ours, whatever the url says; its database may have any name", async () => {
  await using server = await TestPostgres.start({
    settings: { timezone: "Asia/Tokyo", DateStyle: "German", bytea_output: "escape" },
  });
  const database = 'a/b?c#d%20"e 😀';
  await server.run(`CREATE DATABASE "${database.replaceAll('"', '""')}"`);
  const url = `${server.url()}?application_name=other&options=-c%20geqo%3Doff`;
  await using session = await Session.open({ url, database }, never);
  const row = await session.row<Record<string, string>>(
    `SELECT current_database() AS database, current_setting('TimeZone') AS zone, current_setting('DateStyle') AS dates,
       current_setting('bytea_output') AS bytea, current_setting('application_name') AS name, current_setting('geqo') AS geqo`,
  );
  expect(row).toEqual({
    database,
    zone: "UTC",
    dates: expect.stringContaining("ISO"),
    bytea: "hex",
    name: "zeroetl",
    geqo: "off",
  });
});

const hostile: Readonly<Record<string, string>> = {
  search_path: "evil",
  row_security: "on",
  DateStyle: "German",
  IntervalStyle: "iso_8601",
  extra_float_digits: "-15",
  bytea_output: "escape",
  xmlbinary: "hex",
  quote_all_identifiers: "on",
  standard_conforming_strings: "off",
  transform_null_equals: "on",
  statement_timeout: "100ms",
  lock_timeout: "1ms",
  idle_in_transaction_session_timeout: "1ms",
  idle_session_timeout: "1s",
  transaction_timeout: "100ms",
  tcp_user_timeout: "1ms",
  default_transaction_read_only: "on",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  client_min_messages: "debug5",
  exit_on_error: "on",
  jit: "on",
  jit_above_cost: "0",
  enable_indexscan: "off",
  wal_sender_timeout: "1ms",
};

test("no setting of a role or database changes a session, even where a proxy drops them from the startup packet", async () => {
  await using server = await TestPostgres.start({ version: 17 });
  await server.run([
    "CREATE ROLE r LOGIN REPLICATION PASSWORD 'secret'",
    "CREATE SCHEMA evil; CREATE FUNCTION evil.set_config(text, text, bool) RETURNS text RETURN 1 / 0",
    ...Object.entries(hostile).map(([name, value], index) =>
      index % 2 === 0
        ? `ALTER ROLE r SET ${name} = '${value}'`
        : `ALTER DATABASE postgres SET ${name} = '${value}'`,
    ),
  ]);
  for (const drops of [[], ["options", "client_encoding"]]) {
    await using proxy = await StartupProxy.start({ port: server.port, drops });
    const url = `postgres://r:secret@127.0.0.1:${proxy.port}/postgres`;
    for (const replication of [false, true]) {
      await using session = await Session.open({ url, database: "postgres", replication }, never);
      const rows = await session.rows(
        "SELECT name, setting FROM pg_settings WHERE source IN ('database', 'user', 'database user')",
      );
      expect(rows).toEqual([]);
      const row = await session.row<Record<string, string>>(
        `SELECT '2001-02-03'::date::text AS date, '1 day 2:03'::interval::text AS span, 'a'::bytea::text AS bytes,
           1.5::float8::text AS float, current_setting('transaction_timeout') AS timeout,
           current_setting('jit') AS jit, current_setting('statement_timeout') AS statement`,
      );
      expect(row).toEqual({
        date: "2001-02-03",
        span: "1 day 02:03:00",
        bytes: String.raw`\x61`,
        float: "1.5",
        timeout: "0",
        jit: "off",
        statement: "1min",
      });
    }
  }
});

test("sessions open although the role limits a transaction to less than their first statement takes", async () => {
  await using server = await TestPostgres.start({ version: 18 });
  await server.run([
    "CREATE ROLE r LOGIN REPLICATION PASSWORD 'secret'",
    "ALTER ROLE r SET transaction_timeout = '1ms'",
  ]);
  const url = `postgres://r:secret@127.0.0.1:${server.port}/postgres`;
  for (let round = 0; round < 20; round += 1) {
    const opening = Array.from({ length: 20 }, () => Session.open({ url, database: "postgres" }, never));
    const opened = await Promise.allSettled(opening);
    for (const result of opened) if (result.status === "fulfilled") await result.value[Symbol.asyncDispose]();
    expect(opened.filter(({ status }) => status === "rejected")).toEqual([]);
  }
});

test("a statement that is not answered in time gives the connection up", async () => {
  await using server = await TestPostgres.start();
  await using session = await Session.open({ url: server.url(), database: "postgres" }, never);
  const slow = session.rows("SELECT pg_sleep(60)", [], { deadlineMs: 1_000 });
  await expect(slow).rejects.toMatchObject({
    code: "SOURCE_UNREACHABLE",
    message: expect.stringContaining("did not answer a statement within 1 second"),
  });
  await expect(session.rows("SELECT 1")).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" });
});

test("an aborted signal ends a statement, and a lost connection says so", async () => {
  await using server = await TestPostgres.start();
  const stop = new AbortController();
  const connect = { url: server.url(), database: "postgres" };
  await using session = await Session.open(connect, stop.signal);
  const slow = session.rows("SELECT pg_sleep(60)");
  stop.abort(new Error("enough"));
  await expect(slow).rejects.toThrow("enough");
  await using other = await Session.open(connect, never);
  await server.rows(`SELECT pg_terminate_backend(${other.backend})`);
  await expect(other.rows("SELECT 1")).rejects.toMatchObject({
    code: "SOURCE_UNREACHABLE",
    message: expect.stringContaining("terminating connection due to administrator command"),
  });
});

test("a host that takes a connection and says nothing is given up", async () => {
  const port = await freePort();
  const mute = createServer().listen(port, "127.0.0.1");
  await once(mute, "listening");
  const opened = Session.open({ url: `postgres://u:p@127.0.0.1:${port}/d`, database: "d" }, never);
  await expect(opened).rejects.toMatchObject({
    code: "SOURCE_UNREACHABLE",
    message: expect.stringContaining("10 seconds"),
  });
  mute.close();
});
