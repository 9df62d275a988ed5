import type { Coverage } from "./ledger.ts";
import type { Absence } from "./scenario.ts";

const made =
  "<!-- Made by test/conformance/conformance.client.test.ts; `npx vitest run test/conformance -u` updates it. -->";

/** What of the official models the calls of the conformance suite have shown. */
export function coveragePage(version: string, coverages: readonly Coverage[]): string {
  return [
    made,
    "",
    "# Coverage of the API",
    "",
    `Against the service models of botocore ${version}: every action is called with every member of its input, and every`,
    "member of its output and every error that it declares is seen, or is listed here with the reason why it cannot be.",
    "boto3, the AWS CLI and the AWS SDK for JavaScript each send the same and parse the same.",
    "",
    "| service | action | input: sent | output: produced, never | errors: provoked, never |",
    "|---|---|---|---|---|",
    ...coverages.map((coverage) => summary(coverage)),
    ...coverages.flatMap((coverage) => details(coverage)),
    "",
  ].join("\n");
}

function summary({ service, action, sent, produced, provoked, notProduced, notProvoked }: Coverage): string {
  const cells = [
    service,
    action,
    sent.length,
    `${produced.length}, ${count(notProduced)}`,
    `${provoked.length}, ${count(notProvoked)}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function count(absences: readonly Absence[]): number {
  return absences.reduce((sum, { names }) => sum + names.length, 0);
}

function details(coverage: Coverage): string[] {
  const { service, action, sent, refused, produced, provoked, notProduced, notProvoked } = coverage;
  return [
    "",
    `## ${service} ${action}`,
    "",
    `- Sent: ${list(sent)}`,
    ...(refused.length > 0 ? [`- Of these, every call is refused with: ${list(refused)}`] : []),
    `- Produced: ${list(produced)}`,
    ...notProduced.map(({ because, names }) => `- Never produced, because ${because}: ${list(names)}`),
    `- Errors: ${list(provoked)}`,
    ...notProvoked.map(({ because, names }) => `- Never an error, because ${because}: ${list(names)}`),
  ];
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(", ");
}
