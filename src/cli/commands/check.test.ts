import { expect, test } from "vitest";
import type { Finding } from "../../model/finding.ts";
import { findingText, grouped } from "./check.ts";
import { openTerminal } from "../terminal.ts";

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

test("tables that one statement corrects are one finding", () => {
  const fix = 'GRANT "shop_owner" TO "replicator";';
  const foreign = (table: string): Finding => ({
    severity: "warns",
    code: "TABLE_PRIVILEGE",
    subject: `public.${table}`,
    message: `Table public.${table} belongs to shop_owner.`,
    fix,
  });
  const other = { ...foreign("audit"), fix: 'GRANT "auditor" TO "replicator";' };
  const found = grouped([finding, ...["a", "b", "c"].map(foreign), other]);
  expect(found).toEqual([
    finding,
    {
      ...foreign("a"),
      message: "Table public.a belongs to shop_owner. The same is true of 2 more tables: public.b, public.c.",
    },
    other,
  ]);
  const many = grouped(Array.from({ length: 30 }, (_, index) => foreign(`t${index}`)));
  expect(many).toHaveLength(1);
  expect(many[0]?.message).toMatch(/29 more tables: .*public\.t20, …\.$/);
});
