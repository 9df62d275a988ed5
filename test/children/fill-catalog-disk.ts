// Opens an embedded catalog on a small disk, lets another file fill the disk to the last byte, and writes to the catalog
// until an error; then frees the disk. Prints how many rows were written and read, and the size of the reserve before,
// while the disk was full, and afterwards: `directory`.
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openEmbedded } from "../../src/catalog/store/embedded.ts";
import { until } from "../support/until.ts";

const [directory = ""] = process.argv.slice(2);
const catalog = join(directory, "catalog");
const filler = join(directory, "filler");
const reserved = (): number => statSync(join(catalog, "reserve"), { throwIfNoEntry: false })?.size ?? 0;

function fill(): void {
  const descriptor = openSync(filler, "w");
  try {
    for (let bytes = 1 << 20; bytes >= 1;)
      try {
        writeSync(descriptor, Buffer.alloc(bytes));
      } catch {
        bytes >>= 1;
      }
  } finally {
    closeSync(descriptor);
  }
}

mkdirSync(catalog);
await using database = await openEmbedded(catalog);
await database.exec("CREATE TABLE t (id integer PRIMARY KEY, v text)");
const before = reserved();
fill();
for (let id = 1; id <= 100; id += 1)
  await database.query(
    "INSERT INTO t SELECT $1, string_agg(md5(i::text), '') FROM generate_series(1, 2000) AS i",
    [id],
  );
const full = reserved();
rmSync(filler);
const after = await until(
  "the reserve is there again",
  async () => {
    await database.exec("UPDATE t SET id = id WHERE id = 1");
    return reserved() || undefined;
  },
  30_000,
);
const { rows } = await database.query("SELECT count(*)::int AS count, min(length(v)) AS shortest FROM t");
process.stdout.write(`${JSON.stringify({ rows, before, full, after })}\n`);
