import { join } from "node:path";
import { expect, test } from "vitest";
import { built } from "../support/built.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { requireSmallDisk, SmallDisk } from "../support/small-disk.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { expectEqual } from "./expect-equal.ts";

/** The catalog takes some 40 MiB of it, its reserve 32, and the warehouse leaves 64 free. */
const smallMebibytes = 220;
/** Of 128 bytes that nothing can compress. */
const rows = 1_000_000;

test("a full disk is told in status, Errors and check, and replication goes on by itself when there is room", async (context) => {
  requireSmallDisk(context);
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  const noise = Array.from({ length: 8 }, () => "md5(random()::text)").join(" || ");
  await server.run([
    "CREATE TABLE t (id int PRIMARY KEY, v bytea)",
    `INSERT INTO t SELECT i, decode(${noise}, 'hex') FROM generate_series(1, ${rows}) AS i`,
  ]);
  const disk = await SmallDisk.at(join(directory.path, "data"), smallMebibytes);
  const options = { directory: directory.path, sourceUrl: server.url(), command: disk.command };
  await using service = await ServiceProcess.start(options);
  await service.create("include: postgres.public.*");
  const { Errors } = await service.status("needs_attention");
  expect(Errors).toEqual([
    {
      ErrorCode: "TARGET_DISK_FULL",
      ErrorMessage: expect.stringMatching(
        /Free disk space under data_dir; replication resumes automatically\./,
      ) as string,
    },
  ]);
  const configuration = ["--config", join(directory.path, "zeroetl.yaml")];
  const zeroetl = [process.execPath, await built()];
  const check = disk.beside(service.pid, [...zeroetl, "check", ...configuration]);
  expect(check.status).toBe(1);
  expect(check.out).toMatch(/ {2}blocks TARGET_DISK_FULL .* MiB of disk space .* Fix: Free disk space for /);
  const status = disk.beside(service.pid, [...zeroetl, "status", ...configuration]);
  expect(status.out).toMatch(/needs_attention[^]*TARGET_DISK_FULL/);

  disk.grow(service.pid, 2_000);
  expect((await service.status("active")).Errors).toEqual([]);
  await expectEqual(service, 1);
});
