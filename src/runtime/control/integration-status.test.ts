import { expect, test } from "vitest";
import type { Finding } from "../../model/finding.ts";
import type { IntegrationStatus, TableStatus } from "../../model/integration.ts";
import { stallPatienceMs } from "../stream/arrival.ts";
import {
  creationPatienceMs,
  evaluateStatus,
  type EvaluatedStatus,
  type StreamStatus,
} from "./integration-status.ts";
import type { WorkerHealth, WorkerPhase } from "../stream/worker.ts";

const table = (name: string, state: TableStatus["state"], reason?: TableStatus["reason"]): TableStatus => ({
  sourceDatabase: "shop",
  destinationDatabase: "shop",
  schema: "public",
  table: name,
  state,
  reason,
  rows: 1,
  isEstimate: false,
});

const unsupported = { code: "TABLE_UNSUPPORTED", message: "No." };

const retrying = (code: string): WorkerPhase => ({
  kind: "retrying",
  error: { code, message: "It is so." },
  nextAttemptAt: new Date(),
  needsPerson: false,
});

function stream(health: Partial<WorkerHealth> = {}, findings: readonly Finding[] = []): StreamStatus {
  const whole: WorkerHealth = {
    phase: { kind: "streaming" },
    sourceDatabase: "shop",
    destinationDatabase: "shop",
    lagSeconds: undefined,
    stall: undefined,
    newestCommits: { readMs: undefined, appliedMs: undefined },
    engineVersion: "15.4",
    retainedBytes: undefined,
    copies: [],
    copiesWaiting: 0,
    counters: { changes: 0, transactions: 0, copiedRows: 0, bytesRead: 0, batches: 0 },
    tables: [table("orders", "Synced")],
    notices: [],
    obstacle: undefined,
    ...health,
  };
  return { health: whole, findings, leaving: 0 };
}

const nowMs = 1_000_000;

function statusOf(
  before: IntegrationStatus,
  streams: readonly StreamStatus[],
  ageMs = 0,
): EvaluatedStatus | undefined {
  return evaluateStatus({ before, ageMs, nowMs, streams });
}

test("an integration is creating until every selected table is there, then active", () => {
  expect(statusOf("creating", [stream({ phase: { kind: "copying" } })])?.status).toBe("creating");
  expect(statusOf("creating", [stream({ tables: [], copiesWaiting: 3 })])?.status).toBe("creating");
  expect(statusOf("creating", [stream(), stream({ phase: { kind: "copying" } })])?.status).toBe("creating");
  expect(statusOf("creating", [stream()])?.status).toBe("active");
});

test("tables that are copied again make an integration syncing", () => {
  for (const before of ["active", "modifying", "needs_attention"] as const)
    expect(statusOf(before, [stream({ phase: { kind: "copying" } })])?.status).toBe("syncing");
  expect(statusOf("syncing", [stream()])?.status).toBe("active");
});

test("tables that left the scope and are still there make an integration syncing", () => {
  expect(statusOf("modifying", [{ ...stream(), leaving: 1 }])?.status).toBe("syncing");
});

test("while a stream connects, what was said before stands", () => {
  expect(statusOf("needs_attention", [stream({ phase: { kind: "connecting" } })])).toBeUndefined();
  expect(statusOf("active", [stream({ tables: [], copiesWaiting: undefined })])).toBeUndefined();
});

test("before the first preflight, what was said of missing tables stands, and a failure is reported", () => {
  const unseen = { ...stream(), findings: undefined };
  expect(statusOf("needs_attention", [unseen])).toBeUndefined();
  const stopped = { ...stream({ phase: retrying("WAL_LEVEL") }), findings: undefined };
  expect(statusOf("active", [stopped])?.errors).toMatchObject([{ code: "WAL_LEVEL" }]);
});

test.each([
  ["It has no primary key. Add one.", "Table public.audit: It has no primary key. Add one."],
  ["Table public.audit has no primary key.", "Table public.audit has no primary key."],
  ["Table public.audits is another one.", "Table public.audit: Table public.audits is another one."],
])("a failed table asks for a person, with code, name, reason and fix: %s", (reason, message) => {
  const failed = table("audit", "Failed", { code: "TABLE_WITHOUT_KEY", message: reason });
  expect(statusOf("creating", [stream({ tables: [failed] })])).toMatchObject({
    status: "needs_attention",
    errors: [{ code: "TABLE_WITHOUT_KEY", message }],
  });
});

test("a source that is lost leaves the status as it is, and is told", () => {
  const lost = [stream({ phase: retrying("SOURCE_UNREACHABLE") })];
  expect(statusOf("active", lost)).toMatchObject({
    status: "active",
    errors: [{ code: "SOURCE_UNREACHABLE" }],
  });
  expect(statusOf("creating", lost)?.status).toBe("creating");
});

test("an integration whose source never answers asks for a person, since a creating one cannot be deleted", () => {
  const lost = [stream({ phase: retrying("SOURCE_UNREACHABLE") })];
  expect(statusOf("creating", lost, creationPatienceMs)?.status).toBe("needs_attention");
  expect(statusOf("modifying", lost)?.status).toBe("syncing");
});

test("what only a person can fix needs attention, what only deleting can fix has failed", () => {
  for (const code of ["SOURCE_AUTHENTICATION", "WAL_LEVEL", "TARGET_DISK_FULL"])
    expect(statusOf("active", [stream({ phase: retrying(code) })])?.status).toBe("needs_attention");
  expect(statusOf("active", [stream({ phase: retrying("SOURCE_REPLACED") })])?.status).toBe("failed");
});

test("everything that a preflight found in the way of a stopped stream is told, each once", () => {
  const finding = (code: string, severity: Finding["severity"]): Finding => ({
    severity,
    code,
    subject: "server",
    message: `${code} is wrong.`,
    fix: "Fix it.",
  });
  const findings = [
    finding("WAL_LEVEL", "blocks"),
    finding("SOURCE_PRIVILEGE", "blocks"),
    finding("WAL_KEEP_SIZE", "warns"),
  ];
  const stopped = statusOf("creating", [stream({ phase: retrying("WAL_LEVEL") }, findings)]);
  expect(stopped?.errors.map(({ code }) => code)).toEqual(["WAL_LEVEL", "SOURCE_PRIVILEGE"]);
  expect(stopped?.errors[1]?.message).toBe("SOURCE_PRIVILEGE is wrong. Fix it.");
  expect(statusOf("creating", [stream({}, findings)])).toMatchObject({ status: "active", errors: [] });
});

test("what the filter names and no stream can tell of needs attention, and what a stream tells is not said twice", () => {
  const finding = (subject: string): Finding => ({
    severity: "warns",
    code: "TABLE_MISSING",
    subject,
    message: `There is no table ${subject}.`,
  });
  expect(statusOf("creating", [stream({}, [finding("public.x")])])).toMatchObject({
    status: "needs_attention",
    errors: [{ code: "TABLE_MISSING", message: expect.stringContaining("public.x") as string }],
  });
  expect(statusOf("creating", [stream({}, [finding("public.orders")])])).toMatchObject({
    status: "active",
    errors: [],
  });
});

test("errors keep their order however the tables come, and name the database where there are several", () => {
  const tables = ["b", "c", "a"].map((name) => table(name, "Failed", unsupported));
  const [one, other] = [tables, tables.toReversed()].map((order) =>
    statusOf("active", [stream({ tables: order })]),
  );
  expect(one?.errors).toEqual(other?.errors);
  const both = statusOf("active", [
    stream({ sourceDatabase: "one", phase: retrying("SOURCE_UNREACHABLE") }),
    stream({ sourceDatabase: "two", phase: retrying("SOURCE_UNREACHABLE") }),
  ]);
  expect(both?.errors.map(({ message }) => message)).toEqual([
    "Database one: It is so.",
    "Database two: It is so.",
  ]);
});

test("a stream that is stalled needs attention after a while, says why, and is active once it advances", () => {
  const since = (sinceMs: number) => stream({ stall: { sinceMs, cause: "A lock is held. SELECT 1;" } });
  for (const before of ["creating", "active", "syncing"] as const)
    expect(statusOf(before, [stream(), since(nowMs - stallPatienceMs)])).toMatchObject({
      status: "needs_attention",
      errors: [{ code: "SOURCE_STALLED", message: "Database shop: A lock is held. SELECT 1;" }],
    });
  expect(statusOf("active", [since(nowMs - stallPatienceMs + 1)])).toMatchObject({
    status: "active",
    errors: [],
  });
  expect(statusOf("needs_attention", [stream()])).toMatchObject({ status: "active", errors: [] });
});

test("very many failed tables are counted instead of listed", () => {
  const tables = Array.from({ length: 1000 }, (_, index) => table(`t${index}`, "Failed", unsupported));
  const errors = statusOf("active", [stream({ tables })])?.errors ?? [];
  expect(errors).toHaveLength(51);
  expect(errors.at(-1)?.message).toMatch(/^950 more tables failed/);
});

test("what copies wait for is in the errors for as long as they wait, and makes a new integration deletable", () => {
  const obstacle = { code: "SOURCE_TRANSACTION_OPEN", message: "It waits." };
  const connecting = [stream({ phase: { kind: "connecting" }, copiesWaiting: undefined, obstacle })];
  expect(statusOf("creating", connecting)).toMatchObject({ status: "creating", errors: [obstacle] });
  expect(statusOf("creating", connecting, creationPatienceMs)?.status).toBe("needs_attention");
  expect(statusOf("active", connecting)?.status).toBe("active");
  expect(statusOf("active", [stream({ copiesWaiting: 1, obstacle })])).toMatchObject({
    status: "syncing",
    errors: [obstacle],
  });
  expect(statusOf("active", [stream({ phase: { kind: "copying" }, obstacle })])?.errors).toEqual([obstacle]);
  expect(statusOf("active", [stream({ obstacle })])?.errors).toEqual([]);
});
