import { expect, test } from "vitest";
import { Metrics } from "../../base/metrics.ts";
import type { Integration, TableStatus } from "../../model/integration.ts";
import { supervisorMetrics, supervisorSamples } from "./stream-metrics.ts";
import type { WorkerHealth } from "../stream/worker.ts";

const integration: Integration = {
  id: "00000000-0000-4000-8000-000000000001",
  name: "shop",
  sourceArn: "source",
  targetArn: "target",
  dataFilter: "include: shop.*.*",
  description: undefined,
  kmsKeyId: "key",
  additionalEncryptionContext: {},
  tags: [],
  createdAt: new Date(0),
  status: "active",
  errors: [],
  generation: 1,
};

function table(name: string, state: TableStatus["state"]): TableStatus {
  return {
    sourceDatabase: "shop",
    destinationDatabase: "shop",
    schema: "public",
    table: name,
    state,
    reason: undefined,
    rows: 1,
    isEstimate: false,
  };
}

function stream(over: Partial<WorkerHealth>): WorkerHealth {
  return {
    phase: { kind: "streaming" },
    sourceDatabase: "shop",
    destinationDatabase: "shop",
    lagSeconds: undefined,
    stall: undefined,
    newestCommits: { readMs: undefined, appliedMs: undefined },
    engineVersion: "15.4",
    retainedBytes: undefined,
    copiesWaiting: 0,
    copies: [],
    counters: { changes: 0, transactions: 0, copiedRows: 0, bytesRead: 0, batches: 0 },
    tables: [],
    notices: [],
    obstacle: undefined,
    ...over,
  };
}

async function scraped(streams: readonly WorkerHealth[], start = "Integration"): Promise<string[]> {
  using metrics = new Metrics();
  metrics.add(supervisorMetrics, async () => supervisorSamples([{ integration, streams }]));
  const lines = (await metrics.text()).split("\n");
  return lines.filter((line) => line.startsWith(start));
}

test("CloudWatch's metrics take the worst of an integration's databases, and the sum of their tables and bytes", async () => {
  const counters = { changes: 1, transactions: 1, copiedRows: 0, bytesRead: 500, batches: 1 };
  const found = await scraped([
    stream({
      lagSeconds: 0.5,
      stall: undefined,
      counters,
      newestCommits: { readMs: 3_000, appliedMs: 1_500 },
      tables: [table("a", "Synced"), table("b", "Failed"), table("c", "ResyncInitiated")],
    }),
    stream({
      sourceDatabase: "stock",
      lagSeconds: 2,
      stall: undefined,
      counters,
      newestCommits: { readMs: 2_000, appliedMs: 1_750 },
      tables: [table("a", "Synced")],
    }),
    stream({ sourceDatabase: "new" }),
  ]);
  const label = '{IntegrationId="00000000-0000-4000-8000-000000000001"}';
  expect(found).toEqual([
    `IntegrationLag${label} 2`,
    `IntegrationNumTablesReplicated${label} 2`,
    `IntegrationNumTablesFailedReplication${label} 1`,
    `IntegrationDataTransferred${label} 1000`,
    `IntegrationLatestDetectedChange${label} 2`,
    `IntegrationLatestAppliedChange${label} 1.5`,
  ]);
});

test("what is not known has no sample", async () => {
  expect(await scraped([])).toEqual([]);
  const names = (await scraped([stream({})])).map((line) => line.split("{")[0]);
  expect(names).toEqual([
    "IntegrationNumTablesReplicated",
    "IntegrationNumTablesFailedReplication",
    "IntegrationDataTransferred",
  ]);
});

test("a table that is being copied has its size and what has been read of it", async () => {
  const copy = {
    schema: "public",
    table: "orders",
    bytes: 3_000,
    bytesRead: 1_000,
    bytesPerSecond: undefined,
  };
  const labels = '{integration="shop",source_database="shop",schema="public",table="orders"}';
  expect(await scraped([stream({ copies: [copy] }), stream({})], "zeroetl_table_copy")).toEqual([
    `zeroetl_table_copy_read_bytes${labels} 1000`,
    `zeroetl_table_copy_size_bytes${labels} 3000`,
  ]);
});
