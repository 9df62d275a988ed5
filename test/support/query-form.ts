import { sources, targets } from "./aws-service.ts";

/** A creation that is granted as often as its name and its pair are free. */
export const grantable: Readonly<Record<string, string>> = {
  Action: "CreateIntegration",
  Version: "2014-10-31",
  SourceArn: sources[0]?.arn ?? "",
  TargetArn: targets[0]?.arn ?? "",
  IntegrationName: "granted",
  DataFilter: "include: shop.*.*",
};

export function form(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString();
}
