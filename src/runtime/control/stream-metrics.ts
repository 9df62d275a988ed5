import type { MetricDefinition, Sample } from "../../base/metrics.ts";
import { integrationStatuses } from "../../model/integration.ts";
import type { TableStateName } from "../../model/replication/table-state.ts";
import type { IntegrationView } from "./supervisor.ts";
import type { TableCopy, WorkerHealth } from "../stream/worker.ts";

interface StreamMetric {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricDefinition["kind"];
  /** Undefined if currently unknown: then there is no sample. */
  readonly value: (health: WorkerHealth) => number | undefined;
}

const streamLabels = ["integration", "source_database"] as const;

const streamMetrics: readonly StreamMetric[] = [
  {
    name: "zeroetl_lag_seconds",
    help: "For how long the oldest commit that is not in the warehouse has waited, else the lag of the last commit, or 0",
    kind: "gauge",
    value: ({ lagSeconds }) => lagSeconds,
  },
  {
    name: "zeroetl_stream_stalled_seconds",
    help: "For how long a connected stream has not advanced although the source has; 0 while it advances",
    kind: "gauge",
    value: ({ phase, stall }) => {
      if (phase.kind !== "streaming" && phase.kind !== "copying") return undefined;
      return stall === undefined ? 0 : Math.max(0, Date.now() - stall.sinceMs) / 1000;
    },
  },
  {
    name: "zeroetl_retained_wal_bytes",
    help: "WAL that the source keeps for the stream",
    kind: "gauge",
    value: ({ retainedBytes }) => retainedBytes,
  },
  {
    name: "zeroetl_stream_connected",
    help: "1 while the stream reads from its source",
    kind: "gauge",
    value: ({ phase }) => (phase.kind === "streaming" || phase.kind === "copying" ? 1 : 0),
  },
  {
    name: "zeroetl_changes_applied_total",
    help: "Changed rows applied to the warehouse",
    kind: "counter",
    value: ({ counters }) => counters.changes,
  },
  {
    name: "zeroetl_transactions_applied_total",
    help: "Transactions of the source applied to the warehouse",
    kind: "counter",
    value: ({ counters }) => counters.transactions,
  },
  {
    name: "zeroetl_rows_copied_total",
    help: "Rows of table copies applied to the warehouse",
    kind: "counter",
    value: ({ counters }) => counters.copiedRows,
  },
  {
    name: "zeroetl_batches_applied_total",
    help: "Batches applied; changes and copied rows divided by it are the size of a batch",
    kind: "counter",
    value: ({ counters }) => counters.batches,
  },
  {
    name: "zeroetl_source_read_bytes_total",
    help: "Bytes read from the source",
    kind: "counter",
    value: ({ counters }) => counters.bytesRead,
  },
];

interface IntegrationMetric {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricDefinition["kind"];
  /** For an integration that has streams. Undefined if currently unknown. */
  readonly value: (streams: readonly WorkerHealth[]) => number | undefined;
}

const integrationLabels = ["IntegrationId"] as const;

/**
 * The metrics that AWS publishes in CloudWatch, with its names and dimension, so that dashboards and alarms move here
 * by changing only the source. Its metrics of duplicate rows are missing: nothing here counts them.
 */
const integrationMetrics: readonly IntegrationMetric[] = [
  {
    name: "IntegrationLag",
    help: "For how long the oldest commit that is not in the warehouse has waited, in the database that is furthest behind",
    kind: "gauge",
    value: (streams) => extreme(Math.max, streams, ({ lagSeconds }) => lagSeconds),
  },
  {
    name: "IntegrationNumTablesReplicated",
    help: "Tables that are up to date with the source",
    kind: "gauge",
    value: (streams) => countTables(streams, "Synced"),
  },
  {
    name: "IntegrationNumTablesFailedReplication",
    help: "Tables that cannot be replicated",
    kind: "gauge",
    value: (streams) => countTables(streams, "Failed"),
  },
  {
    name: "IntegrationDataTransferred",
    help: "Bytes read from the source since its streams were started",
    kind: "counter",
    value: (streams) => streams.reduce((sum, { counters }) => sum + counters.bytesRead, 0),
  },
  {
    name: "IntegrationLatestDetectedChange",
    help: "Commit time of the newest change that was read, seconds since 1970, in the database where it is oldest",
    kind: "gauge",
    value: (streams) => extreme(Math.min, streams, ({ newestCommits }) => seconds(newestCommits.readMs)),
  },
  {
    name: "IntegrationLatestAppliedChange",
    help: "Commit time of the newest change that was applied, seconds since 1970, in the database where it is oldest",
    kind: "gauge",
    value: (streams) => extreme(Math.min, streams, ({ newestCommits }) => seconds(newestCommits.appliedMs)),
  },
];

/** Over the streams with a known value. */
function extreme(
  choose: (...values: number[]) => number,
  streams: readonly WorkerHealth[],
  value: (health: WorkerHealth) => number | undefined,
): number | undefined {
  const known = streams.map(value).filter((number) => number !== undefined);
  return known.length === 0 ? undefined : choose(...known);
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function countTables(streams: readonly WorkerHealth[], state: TableStateName): number {
  return streams.flatMap(({ tables: found }) => found).filter((table) => table.state === state).length;
}

interface CopyMetric {
  readonly name: string;
  readonly help: string;
  readonly value: (copy: TableCopy) => number;
}

const copyLabels = [...streamLabels, "schema", "table"] as const;

/** Only for tables that are being read for a copy, and not for small ones. */
const copyMetrics: readonly CopyMetric[] = [
  {
    name: "zeroetl_table_copy_read_bytes",
    help: "How much of the table the running copy has read at the source",
    value: ({ bytesRead }) => bytesRead,
  },
  {
    name: "zeroetl_table_copy_size_bytes",
    help: "Size that the table had at the source when the running copy began",
    value: ({ bytes }) => bytes,
  },
];

const tables: MetricDefinition = {
  name: "zeroetl_tables",
  help: "Tables by state",
  kind: "gauge",
  labels: [...streamLabels, "state"],
};

const status: MetricDefinition = {
  name: "zeroetl_integration_status",
  help: "1 for the status that the integration has, 0 for the others",
  kind: "gauge",
  labels: ["integration", "status"],
};

/** The metrics of streams, integrations and tables at `/metrics`. */
export const supervisorMetrics: readonly MetricDefinition[] = [
  ...streamMetrics.map(({ name, help, kind }) => ({ name, help, kind, labels: streamLabels })),
  ...integrationMetrics.map(({ name, help, kind }) => ({ name, help, kind, labels: integrationLabels })),
  ...copyMetrics.map(({ name, help }) => ({ name, help, kind: "gauge" as const, labels: copyLabels })),
  tables,
  status,
];

/** Integrations are labelled with their names, which are unique; in AWS's metrics with their uuids. */
export function supervisorSamples(views: readonly IntegrationView[]): ReadonlyMap<string, readonly Sample[]> {
  const streams = views.flatMap(({ integration, streams: healths }) =>
    healths.map((health) => ({
      health,
      labels: { integration: integration.name, source_database: health.sourceDatabase },
    })),
  );
  const samples = new Map<string, readonly Sample[]>();
  for (const { name, value } of streamMetrics) {
    const known = streams.flatMap(({ health, labels }) => {
      const found = value(health);
      return found === undefined ? [] : [{ labels, value: found }];
    });
    samples.set(name, known);
  }
  for (const { name, value } of integrationMetrics) samples.set(name, integrationSamples(views, value));
  for (const { name, value } of copyMetrics)
    samples.set(
      name,
      streams.flatMap(({ health, labels }) =>
        health.copies.map((copy) => ({
          labels: { ...labels, schema: copy.schema, table: copy.table },
          value: value(copy),
        })),
      ),
    );
  samples.set(
    tables.name,
    streams.flatMap(({ health, labels }) => tablesByState(health, labels)),
  );
  samples.set(
    status.name,
    views.flatMap(({ integration }) =>
      integrationStatuses.map((name) => ({
        labels: { integration: integration.name, status: name },
        value: integration.status === name ? 1 : 0,
      })),
    ),
  );
  return samples;
}

/** Nothing is known about an integration whose streams have not been started yet. */
function integrationSamples(views: readonly IntegrationView[], value: IntegrationMetric["value"]): Sample[] {
  return views.flatMap(({ integration, streams }) => {
    const found = streams.length === 0 ? undefined : value(streams);
    return found === undefined ? [] : [{ labels: { IntegrationId: integration.id }, value: found }];
  });
}

function tablesByState({ tables: found }: WorkerHealth, labels: Sample["labels"]): Sample[] {
  const counts = new Map<string, number>();
  for (const { state } of found) if (state !== "Deleted") counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({ labels: { ...labels, state }, value }));
}
