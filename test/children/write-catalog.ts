// Writes into a catalog without end, many requests at once. Prints each change as a line once it has been answered.
import { randomUUID } from "node:crypto";
import { Catalog } from "../../src/catalog/catalog.ts";

const [, , directory = ""] = process.argv;
const quotas = { perAccount: 1_000_000, perTarget: 1_000_000, perSource: 1_000_000 };
const catalog = await Catalog.open({ kind: "directory", directory });
process.stdout.write("open\n");

function say(change: object): void {
  process.stdout.write(`${JSON.stringify(change)}\n`);
}

async function live(): Promise<void> {
  for (;;) {
    const id = randomUUID();
    await catalog.create(
      {
        id,
        name: `n-${id}`,
        sourceArn: `s-${id}`,
        targetArn: `t-${id}`,
        dataFilter: "include: a.b.c",
        description: undefined,
        kmsKeyId: "key",
        additionalEncryptionContext: {},
        wrappedKey: "wrapped",
        tags: [{ key: "k", value: id }],
        createdAt: new Date(),
      },
      quotas,
    );
    say({ id, now: "created" });
    const tables = Array.from({ length: 20 }, (_, index) => ({
      sourceDatabase: "a",
      destinationDatabase: "a",
      schema: "b",
      table: `t${index}`,
      state: "Synced" as const,
      reason: undefined,
      rows: index,
      isEstimate: true,
    }));
    await catalog.report(id, { generation: 1, status: "active", errors: [], tables });
    say({ id, now: "active" });
    if (Math.random() < 0.5) continue;
    await catalog.delete(id);
    say({ id, now: "deleting" });
    await catalog.forget(id);
    say({ id, now: "gone" });
  }
}

await Promise.all(Array.from({ length: 4 }, live));
