import type { LogicalKind } from "../../src/model/replication/logical-type.ts";

/** A type of PostgreSQL with values that have hurt others. */
export interface Sample {
  readonly type: string;
  readonly kind: LogicalKind;
  /** SQL expressions. */
  readonly values: readonly string[];
  /** Their canonical texts, where the server's own word is not enough to show what is meant. */
  readonly texts?: readonly string[];
  /** How the type is shown, where not as it is written here. */
  readonly sourceType?: string;
  /** The first version of PostgreSQL that has the type or its values. */
  readonly from?: number;
}
