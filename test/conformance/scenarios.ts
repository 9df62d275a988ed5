import type { jsonServices, queryServices, ServiceName } from "../../src/api/services.ts";
import { identityScenarios } from "./identity.ts";
import { databaseScenarios } from "./rds-databases.ts";
import { integrationScenarios } from "./rds-integrations.ts";
import { tagScenarios } from "./rds-tags.ts";
import { policyScenarios } from "./redshift-policies.ts";
import { redshiftScenarios } from "./redshift.ts";
import { serverlessScenarios } from "./serverless.ts";
import type { Scenario } from "./scenario.ts";

type Services = typeof queryServices & typeof jsonServices;

/** One for every action that there is. */
export const scenarios: {
  readonly [Name in ServiceName]: Readonly<Record<Services[Name]["actions"][number]["name"], Scenario>>;
} = {
  rds: { ...integrationScenarios, ...tagScenarios, ...databaseScenarios },
  redshift: { ...redshiftScenarios, ...policyScenarios },
  sts: identityScenarios,
  "redshift-serverless": serverlessScenarios,
};
