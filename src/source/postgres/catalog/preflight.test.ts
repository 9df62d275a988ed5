import { expect, test } from "vitest";
import { assertServer, serverFindings } from "./preflight.ts";
import type { ServerFacts } from "./server-facts.ts";

const good: ServerFacts = {
  version: 160_004,
  versionText: "16.4",
  user: "u",
  walLevel: "logical",
  slotsMax: 10,
  slotsUsed: 0,
  hasSlot: false,
  sendersMax: 10,
  sendersUsed: 0,
  connectionsMax: 97,
  connectionsUsed: 10,
  connectionLimit: -1,
  connectionsOfUser: 1,
  mayReplicate: true,
  mayCreate: true,
  slotKeepMb: -1,
  encoding: "UTF8",
  standbyNames: "",
  isStandby: false,
};

function codes(facts: Partial<ServerFacts>): string[] {
  return serverFindings({ ...good, ...facts }, "d")
    .filter(({ severity }) => severity === "blocks")
    .map(({ code }) => code);
}

test("a server older than 14 and a standby are refused", () => {
  expect(codes({})).toEqual([]);
  expect(codes({ version: 130_012, versionText: "13.12" })).toEqual(["SOURCE_VERSION"]);
  expect(codes({ isStandby: true })).toEqual(["SOURCE_READ_ONLY"]);
});

test("a stream that has its slot goes on, with a warning that it cannot copy", () => {
  expect(codes({ slotsUsed: 9 })).toEqual(["REPLICATION_SLOTS"]);
  expect(codes({ slotsUsed: 10, hasSlot: true })).toEqual([]);
  const warned = serverFindings({ ...good, slotsUsed: 10, hasSlot: true }, "d").filter(
    ({ severity }) => severity === "warns",
  );
  expect(warned.map(({ code }) => code)).toEqual(["REPLICATION_SLOTS"]);
});

test("opening fails with the first finding that blocks, and its fix", () => {
  expect(() => assertServer(good, "d")).not.toThrow();
  expect(() => assertServer({ ...good, mayCreate: false, user: 'we"ird' }, "d")).toThrow(
    'GRANT CREATE ON DATABASE "d" TO "we""ird";',
  );
});

test("a bound of the WAL that is kept is fine unless it is soon reached", () => {
  const severity = (slotKeepMb: number) =>
    serverFindings({ ...good, slotKeepMb }, "d").find(({ code }) => code === "WAL_KEEP_SIZE")?.severity;
  expect([-1, 50 * 1024, 10 * 1024, 10 * 1024 - 1, 0].map(severity)).toEqual([
    "fine",
    "fine",
    "fine",
    "warns",
    "warns",
  ]);
});

test("limits on connections that leave no room for a stream are a warning with the statement that raises them", () => {
  const warnings = serverFindings(
    { ...good, connectionsUsed: 95, connectionLimit: 5, user: 'r "x' },
    "d",
  ).filter(({ severity }) => severity === "warns");
  expect(warnings.map(({ code, fix }) => [code, fix])).toEqual([
    ["SOURCE_CONNECTIONS", "ALTER SYSTEM SET max_connections = 147; then restart the source."],
    ["SOURCE_CONNECTIONS", 'ALTER ROLE "r ""x" CONNECTION LIMIT -1;'],
  ]);
});
