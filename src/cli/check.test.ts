import { expect, test } from "vitest";
import type { Finding } from "../model/finding.ts";
import { findingText } from "./check.ts";
import { openTerminal } from "./terminal.ts";

const finding: Finding = {
  severity: "blocks",
  code: "SOURCE_PRIVILEGE",
  subject: "replication privilege",
  message: "User replicator may not replicate.",
  fix: 'ALTER ROLE "replicator" REPLICATION; on Amazon RDS: GRANT rds_replication TO "replicator";',
};
const terminal = openTerminal();

test("a program gets a line for a finding", () => {
  expect(findingText(finding, { ...terminal, isInteractive: false })).toBe(
    `  blocks SOURCE_PRIVILEGE replication privilege: User replicator may not replicate. Fix: ${finding.fix}`,
  );
  const fine = { ...finding, severity: "fine", message: "User u may\nreplicate." } as const;
  expect(findingText(fine, { ...terminal, isInteractive: false })).toBe(
    "  fine   replication privilege: User u may\\nreplicate.",
  );
});

test("a person gets lines as wide as the terminal, and the fix unbroken on a line of its own", () => {
  const narrow = { ...terminal, isInteractive: true, columns: 40, bad: (text: string) => text };
  expect(findingText(finding, narrow).split("\n")).toEqual([
    "  blocks SOURCE_PRIVILEGE replication",
    "         privilege: User replicator may",
    "         not replicate.",
    `         Fix: ${finding.fix}`,
  ]);
});
