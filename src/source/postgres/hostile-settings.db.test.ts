import { expect, test } from "vitest";
import {
  batchesOf,
  fatal,
  hostileSettings,
  makeHostileUser,
  replicateUnder,
} from "../../../test/matrix/hostile-settings.ts";
import { TestPostgres, type PostgresVersion } from "../../../test/support/postgres.ts";

// One hostile value of every setting at once. test/matrix/settings.ts tries all values on all versions.
test.each<PostgresVersion>([14, 17, 18])(
  "PostgreSQL %i: replication is right under hostile defaults of the role",
  async (version) => {
    await using server = await TestPostgres.start({ version, settings: { fsync: "off" } });
    await makeHostileUser(server);
    const settings = (await hostileSettings(server)).filter(({ name }) => !fatal.has(name));
    const [batch = []] = batchesOf(settings, Infinity);
    expect(batch.length).toBeGreaterThan(150);
    const { refused, failure } = await replicateUnder(server, batch);
    expect(failure).toBeUndefined();
    expect(refused).toBeLessThan(15);
  },
);
