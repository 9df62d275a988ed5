import type { Scenario } from "./scenario.ts";

/** Of STS. */
export const identityScenarios = {
  GetCallerIdentity: {
    run: async ({ accepts }) => {
      await accepts({});
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
