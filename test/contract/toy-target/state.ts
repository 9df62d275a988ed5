import type { Position } from "../../../src/model/replication/position.ts";
import type {
  ColumnDefinition,
  TableDefinition,
  TableName,
} from "../../../src/model/replication/relation.ts";
import type { TablePhase } from "../../../src/model/replication/table-state.ts";
import type { Origin, StreamIdentity } from "../../../src/target/target.ts";

/** Values as canonical text (`model/replication/digest.ts`), null for NULL. */
export type Row = readonly (string | null)[];

/** What readers see of a table. */
export interface Shown {
  readonly name: TableName;
  readonly columns: readonly ColumnDefinition[];
  readonly rows: readonly Row[];
}

/** Never changed: another version of a table is another object. */
export interface Table {
  readonly definition: TableDefinition;
  readonly phase: TablePhase;
  readonly updatedAtMs: number;
  /** Absent if the table is not replicated. The same array as in `shown`, unless a copy is hidden. */
  readonly rows: readonly Row[] | undefined;
  readonly shown: Shown | undefined;
}

/** Everything that is committed in a destination database. */
export interface State {
  readonly owner: StreamIdentity | undefined;
  readonly origin: Origin;
  readonly epoch: number;
  readonly checkpoint: Position | undefined;
  readonly copies: Position | undefined;
  readonly tables: ReadonlyMap<string, Table>;
  /** What the previous stream left for readers. */
  readonly left: readonly Shown[];
}

export function shownIn({ tables, left }: State): Shown[] {
  return [...left, ...[...tables.values()].flatMap(({ shown }) => shown ?? [])];
}

export function sameName(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.table === b.table;
}
