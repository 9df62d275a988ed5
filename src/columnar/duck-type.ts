import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  FLOAT,
  INTEGER,
  INTERVAL,
  SMALLINT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  TIMETZ,
  UINTEGER,
  UUID,
  VARCHAR,
  DuckDBVarCharType,
  type DuckDBType,
} from "@duckdb/node-api";
import type { LogicalKind, LogicalType } from "../model/replication/logical-type.ts";

const types: Record<Exclude<LogicalKind, "decimal">, DuckDBType> = {
  boolean: BOOLEAN,
  int16: SMALLINT,
  int32: INTEGER,
  int64: BIGINT,
  uint32: UINTEGER,
  float32: FLOAT,
  float64: DOUBLE,
  text: VARCHAR,
  // An alias of VARCHAR: values that arrive as JSON are stored unchanged, without being parsed again.
  json: DuckDBVarCharType.create("JSON"),
  bytes: BLOB,
  uuid: UUID,
  date: DATE,
  time: TIME,
  timetz: TIMETZ,
  timestamp: TIMESTAMP,
  timestamptz: TIMESTAMPTZ,
  interval: INTERVAL,
};

/** The DuckDB type that holds exactly the values of a logical type, in the memory layout of `Vector`. */
export function duckType(type: LogicalType): DuckDBType {
  return type.kind === "decimal" ? DECIMAL(type.precision, type.scale) : types[type.kind];
}

/** The same type as written in SQL. */
export function sqlType(type: LogicalType): string {
  return type.kind === "json" ? "JSON" : duckType(type).toString();
}
