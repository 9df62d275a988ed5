import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SecretBytes } from "../../src/base/secret.ts";
import { parseDataFilter } from "../../src/model/data-filter.ts";
import { runPipeline } from "../../src/pipeline/pipeline.ts";
import { kindsOf, sourceEngines } from "../../src/source/engines.ts";
import { targetEngines, targetSettings } from "../../src/target/engines.ts";
import type { Source } from "../../src/source/source.ts";
import type { DestinationDatabase } from "../../src/target/target.ts";
import { asPosition } from "../../src/model/replication/position.ts";
import { configurationOf } from "../support/configuration.ts";
import { shown } from "../support/target-contents.ts";
import { never, TestWarehouse, viewOf } from "../support/test-warehouse.ts";
import { until } from "../support/until.ts";
import type { ContractSource, SourceChange } from "./source.ts";
import { toySource } from "./toy-source/engine.ts";
import { toyDatabase } from "./toy-source/toy-database.ts";
import { toyTarget } from "./toy-target/engine.ts";

// What the product has, each with one more line.
const sources = [...sourceEngines, toySource];
const targets = { ...targetEngines, toy: toyTarget };

const engines = { sources: kindsOf(sources), targets: { ...targetSettings, toy: targets.toy.settings } };

test("engines that are registered by one line each can be configured", async () => {
  const target = { targets: [{ name: "shop", engine: "toy" }] };
  const source = { sources: [{ name: "log", engine: "toy", url: "toy:///logs" }] };
  const accepted = await configurationOf({ ...source, ...target }, engines);
  expect(accepted.targets).toMatchObject([{ engine: "toy" }]);
  expect(accepted.sources).toMatchObject([{ resource: { engine: "toy", filters: toySource.kinds["toy"] } }]);
  for (const file of [source, target]) await expect(configurationOf(file)).rejects.toThrow("engine");
});

test("each kind of source database is read by one engine", () => {
  expect(() => kindsOf([...sources, toySource])).toThrow("one engine");
});

test("a stream from the toy source to the toy target ends up equal, also after it was stopped", async () => {
  await using source = await toyDatabase();
  await using target = await TestWarehouse.open(targets.toy);
  await source.commit([
    { kind: "create", table: "a" },
    { kind: "insert", table: "a", id: 1, body: "copied" },
    { kind: "insert", table: "a", id: 2, body: null },
  ]);
  await streaming({ source, target }, async ({ database }) => {
    await until("the table is copied", () => database.progress().tables[0]?.visible === true);
    await source.commit([
      { kind: "update", table: "a", id: 1, body: "changed" },
      { kind: "delete", table: "a", id: 2 },
    ]);
    await until("the transaction", () => database.progress().checkpoint === asPosition("2"));
  });
  await source.commit([
    { kind: "insert", table: "a", id: 3, body: "while stopped" },
    { kind: "create", table: "b" },
    ...Array.from({ length: 500 }, (_, id): SourceChange => ({ kind: "insert", table: "b", id, body: "x" })),
  ]);
  await target.reopen();
  await streaming({ source, target }, async ({ open, database }) => {
    await until("the other table", () => database.progress().tables[1]?.visible === true);
    await using standstill = await open.standstill(never);
    await until("its position", () => database.progress().checkpoint === standstill.position);
    await using view = await viewOf(database);
    for (const { definition } of database.progress().tables) {
      const digest = await view.digest(definition, never);
      expect(await standstill.digest(definition, never)).toEqual({ kind: "read", digest });
    }
  });
  const rows = await shown(target.warehouse, { schema: "public", table: "a" });
  expect(rows).toEqual(['["1","changed"]', '["3","while stopped"]']);
});

interface Ends {
  readonly source: ContractSource;
  readonly target: TestWarehouse;
}

interface Running {
  readonly open: Source;
  readonly database: DestinationDatabase;
}

/** Runs the product's pipeline while `work` runs. */
async function streaming({ source, target }: Ends, work: (running: Running) => Promise<void>): Promise<void> {
  await using database = await target.database();
  const stop = new AbortController();
  await using open = await toySource.open(
    {
      url: source.url,
      database: source.database,
      integrationId: randomUUID(),
      scope: parseDataFilter("include: shop.*.*", "postgres"),
      progress: database.progress(),
      spoolDirectory: join(target.directory, "spool"),
      dataKey: new SecretBytes(randomBytes(32)),
      catalogPollMs: 50,
      onVersion: () => {},
      notice: () => {},
      onWait: () => {},
    },
    stop.signal,
  );
  const hooks = { onRead: () => {}, onApplied: () => {}, onCopied: () => {} };
  const running = runPipeline({ source: open, target: database, ...hooks }, stop.signal);
  const stopped = new Error("stopped");
  await Promise.race([work({ open, database }), running]).finally(() => stop.abort(stopped));
  await expect(running).rejects.toBe(stopped);
}
