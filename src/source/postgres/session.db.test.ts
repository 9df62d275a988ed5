import { expect, test } from "vitest";
import { freePort, TestPostgres } from "../../../test/support/postgres.ts";
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
  await expect(other.rows("SELECT 1")).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" });
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
