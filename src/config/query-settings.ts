import { z } from "zod";
import { setting, wholeNumber } from "../model/setting.ts";

const number = (most: number, byDefault: number, description: string) =>
  setting(
    wholeNumber(most),
    `${description} Default ${byDefault}.`,
    `a whole number from 1 to ${most}`,
  ).default(byDefault);

/** The limits of warehouse queries, which share one process with replication. */
export const queriesSettings = setting(
  z.strictObject({
    timeout_seconds: number(
      86_400,
      300,
      "A query is cancelled when its last row has not been read after this many seconds.",
    ),
    concurrent: number(
      8,
      3,
      "At most this many queries run at once; others wait. Each uses one core while it computes.",
    ),
    per_key: number(8, 2, "At most this many queries of one access key run at once."),
  }),
  "Limits of `zeroetl query` and of every other client that queries the warehouses.",
  "a mapping with timeout_seconds, concurrent and per_key",
).prefault({});

export interface QueryLimits {
  readonly timeoutMs: number;
  readonly concurrent: number;
  readonly perKey: number;
}

export function interpretQueries(settings: z.output<typeof queriesSettings>): QueryLimits {
  const { timeout_seconds: timeout, concurrent, per_key: perKey } = settings;
  return { timeoutMs: timeout * 1000, concurrent, perKey };
}
