import { assert } from "../../../base/assert.ts";
import { asPosition, type Position } from "../../../model/replication/position.ts";

/** A position in the write-ahead log, in bytes from its beginning. */
export type Lsn = bigint;

const lsnPattern = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;

/** Parses PostgreSQL's notation, such as `16/B374D848`. */
export function parseLsn(text: string): Lsn {
  const [, high, low] = lsnPattern.exec(text) ?? [];
  assert(high !== undefined && low !== undefined, "a server writes an LSN as two hexadecimal numbers");
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
}

/** Which log an LSN belongs to. */
export interface LogIdentity {
  /** The cluster's system identifier: copies of one cluster share it. */
  readonly system: string;
  /** Increases with each promotion and each point-in-time recovery. */
  readonly timeline: number;
}

export interface LogPosition extends LogIdentity {
  readonly lsn: Lsn;
}

const positionPattern = /^(\d+)\/(\d+)\/([0-9A-F]+\/[0-9A-F]+)$/;

/** `<system identifier>/<timeline>/<LSN>`. Everything committed before the LSN is included. */
export function positionOf({ system, timeline }: LogIdentity, lsn: Lsn): Position {
  return asPosition(`${system}/${timeline}/${formatLsn(lsn)}`);
}

export function parsePosition(position: Position): LogPosition {
  const [, system, timeline, lsn] = positionPattern.exec(position) ?? [];
  assert(
    system !== undefined && timeline !== undefined && lsn !== undefined,
    "a position of a PostgreSQL source comes back as it was given",
  );
  return { system, timeline: Number(timeline), lsn: parseLsn(lsn) };
}
