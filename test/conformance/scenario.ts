import type { RdsSession } from "../support/rds-session.ts";

/** Of the one KMS key that there is. */
export const keyAlias = "alias/warehouse";

/** Names that share a reason. */
export interface Absence {
  readonly because: string;
  /** Of members, such as `Integrations[].Tags`, those inside them included, or of errors. */
  readonly names: readonly string[];
}

/** What one action is asked, and what of its model it cannot show. A name that is in no list must be seen. */
export interface Scenario {
  readonly run: (probe: Probe) => Promise<void>;
  readonly notProduced?: readonly Absence[];
  readonly notProvoked?: readonly Absence[];
}

/** Puts calls of one action to all clients. */
export interface Probe {
  readonly world: World;
  /** Gives the output, which all clients parsed alike. Throws when the service refuses. */
  readonly accepts: (input: Input) => Promise<Readonly<Record<string, unknown>>>;
  /** With the error of this name, declared or not. Throws for another answer. */
  readonly refuses: (name: string, input: Input) => Promise<void>;
}

export type Input = Readonly<Record<string, unknown>>;

/** A service, and what scenarios may turn. */
export interface World {
  readonly session: RdsSession;
  readonly quotas: { perAccount: number; perTarget: number; perSource: number };
  /** At which the service's clock stands. */
  readonly now: Date;
  /** Does something while another process is changing the resource policy of a target. */
  readonly whilePolicyChanges: (arn: string, act: () => Promise<void>) => Promise<void>;
}

/** An `Absence` with its names separated by white space. */
export function absent(because: string, names: string): Absence {
  return { because, names: names.trim().split(/\s+/) };
}
