import { chmod, copyFile, stat, chown } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { until } from "../../../../test/support/until.ts";
import { copyRows } from "./copy-rows.ts";
import { Session } from "../connection/session.ts";

const never = new AbortController().signal;

/** Makes the server also accept TLS connections. */
async function startTls(server: TestPostgres): Promise<void> {
  const data = join(server.directory, "data");
  const { uid, gid } = await stat(data);
  for (const [from, to] of [
    ["localhost.crt", "server.crt"],
    ["localhost.key", "server.key"],
  ] as const) {
    await copyFile(join("test/fixtures", from), join(data, to));
    await chmod(join(data, to), 0o600);
    await chown(join(data, to), uid, gid);
  }
  await server.run(["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"]);
  await until("TLS is on", async () => {
    const [row] = await server.rows<{ ssl: string }>("SHOW ssl");
    return row?.ssl === "on";
  });
}

test("rows come over TLS as over TCP, while their memory is used again, and the session goes on afterwards", async () => {
  await using server = await TestPostgres.start();
  await startTls(server);
  await server.run("CREATE TABLE t AS SELECT i, md5(i::text) AS m FROM generate_series(1, 200000) AS i");
  const untrusted = { url: `${server.url()}?sslmode=verify-full`, database: "postgres" };
  await expect(Session.open(untrusted, never)).rejects.toThrow(
    /certificate; name the file of the server's CA/,
  );
  for (const mode of ["disable", "require", "no-verify"]) {
    const url = `${server.url()}?sslmode=${mode}`;
    await using session = await Session.open({ url, database: "postgres" }, never);
    const { ssl } = await session.row<{ ssl: boolean }>(
      "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    );
    expect(ssl).toBe(mode !== "disable");
    let [count, sum] = [0, 0];
    for await (const rows of copyRows({ session }, "COPY public.t TO STDOUT (FORMAT binary)", never)) {
      const view = new DataView(rows.region.buffer, rows.region.byteOffset);
      // The number of fields and the length of the first one precede its value.
      for (const offset of rows.offsets) sum += view.getInt32(offset + 6);
      count += rows.offsets.length;
      rows.release();
    }
    expect([count, sum]).toEqual([200_000, (200_000 * 200_001) / 2]);
    expect(await session.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  }
});
