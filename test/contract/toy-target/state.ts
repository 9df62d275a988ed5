import type { Position } from "../../../src/model/replication/position.ts";
import type { TableDefinition } from "../../../src/model/replication/relation.ts";
import type { TablePhase } from "../../../src/model/replication/table-state.ts";
import type { Origin, StreamIdentity } from "../../../src/target/target.ts";

/** Values as canonical text (`model/replication/digest.ts`), null for NULL. */
export type Row = readonly (string | null)[];

/** What readers see of a table. */
export interface Shown extends Pick<TableDefinition, "name" | "columns"> {
  readonly rows: readonly Row[];
}

export interface Table {
  readonly definition: TableDefinition;
  readonly phase: TablePhase;
  readonly updatedAtMs: number;
  /** Undefined if the table is not replicated. */
  readonly rows: readonly Row[] | undefined;
  /** The same rows, unless a copy is hidden. */
  readonly shown: Shown | undefined;
}

/** By id. Tables never change: another version of a table is another object. */
export type Tables = Readonly<Record<string, Table>>;

/** Everything that is committed in a destination database. */
export interface State {
  readonly owner: StreamIdentity | undefined;
  readonly origin: Origin;
  readonly epoch: number;
  readonly checkpoint?: Position;
  readonly copies?: Position;
  readonly tables: Tables;
  /** What the previous stream left for readers. */
  readonly left: readonly Shown[];
}
