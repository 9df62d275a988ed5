import type { MetricDefinition, Sample } from "../base/metrics.ts";
import { integrationStatuses } from "../model/integration.ts";
import type { IntegrationView } from "./supervisor.ts";
import type { WorkerHealth } from "./worker.ts";

interface StreamMetric {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricDefinition["kind"];
  /** Undefined where it is not known now: then there is no sample. */
  readonly value: (health: WorkerHealth) => number | undefined;
}

const streamLabels = ["integration", "source_database"] as const;

const streamMetrics: readonly StreamMetric[] = [
  {
    name: "zeroetl_lag_seconds",
    help: "Commit at the source to commit in the warehouse",
    kind: "gauge",
    value: ({ lagSeconds }) => lagSeconds,
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

/** What `/metrics` tells of streams, integrations and tables. */
export const supervisorMetrics: readonly MetricDefinition[] = [
  ...streamMetrics.map(({ name, help, kind }) => ({ name, help, kind, labels: streamLabels })),
  tables,
  status,
];

/** Integrations are labelled with their names, which are unique. */
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

function tablesByState({ tables: found }: WorkerHealth, labels: Sample["labels"]): Sample[] {
  const counts = new Map<string, number>();
  for (const { state } of found) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({ labels: { ...labels, state }, value }));
}
