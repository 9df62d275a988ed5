import { randomBytes } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { run } from "../support/command.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServiceProcess } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

// Programs are built and started, a whole service among them.
vi.setConfig({ testTimeout: 300_000 });

const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const keyArn = `arn:aws:kms:us-east-1:000000000000:key/${id}`;
const marker = "somebody's secret diary";

async function spools(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) => name.endsWith(".spool")).map((name) => join(directory, name));
}

test("with a key of the user's, spooled rows are unreadable; taken away, it stops replication, and given back, it goes on", async () => {
  await using server = await TestPostgres.start({ settings: { logical_decoding_work_mem: "64kB" } });
  await using directory = await TemporaryDirectory.make();
  await server.run("CREATE TABLE diary (id int PRIMARY KEY, text text)");
  const file = join(directory.path, "warehouse.key");
  await writeFile(file, randomBytes(32), { mode: 0o600 });
  const settings = `
kms:
  check_seconds: 1
  keys:
    - { id: ${id}, aliases: [alias/warehouse], file: ./warehouse.key }
`;
  const options = { directory: directory.path, sourceUrl: server.url(), settings };
  const check = async () => {
    const { out } = await run(["check", "--config", join(directory.path, "zeroetl.yaml")], options);
    return out.split("\n").find((line) => line.includes(keyArn)) ?? out;
  };
  await using service = await ServiceProcess.start(options);
  await service.create("include: postgres.public.*", "test", {
    KMSKeyId: "alias/warehouse",
    AdditionalEncryptionContext: { team: "data" },
  });
  const active = await service.status("active");
  expect(active).toMatchObject({ KMSKeyId: keyArn, AdditionalEncryptionContext: { team: "data" } });
  expect(await check()).toContain("fine");

  const writer = await server.connect();
  await writer.query("BEGIN");
  await writer.query(`INSERT INTO diary SELECT i, $1 FROM generate_series(1, 20000) i`, [marker]);
  const [spool = ""] = await until("a spool", async () => {
    const found = await spools(directory.path);
    const [first] = found;
    return first !== undefined && (await readFile(first)).length > 100_000 ? found : undefined;
  });
  expect((await readFile(spool)).includes(marker)).toBe(false);

  await rename(file, `${file}.away`);
  const stopped = await service.status("needs_attention");
  expect(stopped.Errors).toEqual([
    {
      ErrorCode: "KMS_KEY_NOT_ACCESSIBLE",
      ErrorMessage: expect.stringMatching(/warehouse\.key cannot be read \(ENOENT\).*resumes automatically/),
    },
  ]);
  expect(await check()).toMatch(/blocks KMS_KEY_NOT_ACCESSIBLE .*ENOENT/);
  expect(await spools(directory.path)).toEqual([]);
  await writer.query("COMMIT");
  await writer.end();

  await rename(`${file}.away`, file);
  expect((await service.status("active")).Errors).toEqual([]);
  await until("the rows", async () => {
    const [[count] = []] = await service.query("SELECT count(*) FROM postgres.public.diary");
    return count === "20000";
  });
  expect(service.log).not.toContain(marker);
});
