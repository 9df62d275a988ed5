import { expect, test } from "vitest";
import { TestPostgres, type PostgresVersion } from "./postgres.ts";

test.each([14, 15, 16, 17, 18] as PostgresVersion[])(
  "PostgreSQL %i starts with logical decoding",
  async (version) => {
    await using server = await TestPostgres.start({ version });
    const [row] = await server.rows<{ wal: string; version: string }>(
      "SELECT current_setting('wal_level') AS wal, current_setting('server_version') AS version",
    );
    expect(row?.wal).toBe("logical");
    expect(row?.version).toMatch(new RegExp(`^${version}`));
  },
);

test("a server that cannot start says why", async () => {
  const starting = TestPostgres.start({ settings: { shared_buffers: "nonsense" } });
  await expect(starting).rejects.toThrow(/did not start: .*shared_buffers/s);
});
