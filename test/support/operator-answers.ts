import type { EventLine, StatusReport, VerificationLine } from "../../src/model/operator.ts";

export const noStatus: StatusReport = { sources: [], targets: [], integrations: [] };
export const anEvent: EventLine = {
  id: "",
  eventId: "REDSHIFT-INTEGRATION-EVENT-0001",
  severity: "Info",
  category: "configuration",
  integration: "mine",
  arn: "",
  status: "active",
  statusCode: "",
  message: "",
  at: "2026-01-31T00:00:00.000Z",
};

export function equalTable(name: string): VerificationLine {
  const place = { sourceDatabase: "shop", destinationDatabase: "shop", schema: "public", table: name };
  return { ...place, result: "equal", rows: 1, hash: "0" };
}
