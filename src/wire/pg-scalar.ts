import type { LogicalType } from "../model/logical-type.ts";
import type { DecodeColumn } from "../model/relation.ts";
import {
  decodeBoolean,
  decodeBytes,
  decodeDate,
  decodeInterval,
  decodeTimestamp,
  decodeTimetz,
  decodeUnsigned8,
  decodeUuid,
  decodeVersioned,
  decodeWord2,
  decodeWord4,
  decodeWord8,
} from "./pg-decode.ts";
import * as digest from "./pg-digest.ts";

/** What is known of a built-in type whose values need no other type and no modifier. */
export interface Scalar {
  readonly type: LogicalType;
  readonly decode: DecodeColumn;
  readonly digest: digest.Digest;
}

const text = { type: { kind: "text" }, decode: decodeBytes, digest: digest.digestAsText } as const;
const oid = { type: { kind: "uint32" }, decode: decodeWord4, digest: digest.digestOid } as const;
const timestamp = { decode: decodeTimestamp, digest: digest.digestTimestamp } as const;

/** By name in pg_catalog. */
export const scalars: Readonly<Record<string, Scalar>> = {
  bool: { type: { kind: "boolean" }, decode: decodeBoolean, digest: digest.digestBoolean },
  int2: { type: { kind: "int16" }, decode: decodeWord2, digest: digest.digestAsText },
  int4: { type: { kind: "int32" }, decode: decodeWord4, digest: digest.digestAsText },
  int8: { type: { kind: "int64" }, decode: decodeWord8, digest: digest.digestAsText },
  oid,
  regclass: oid,
  regcollation: oid,
  regconfig: oid,
  regdictionary: oid,
  regnamespace: oid,
  regoper: oid,
  regoperator: oid,
  regproc: oid,
  regprocedure: oid,
  regrole: oid,
  regtype: oid,
  xid: { type: { kind: "uint32" }, decode: decodeWord4, digest: digest.digestAsText },
  cid: { type: { kind: "uint32" }, decode: decodeWord4, digest: digest.digestAsText },
  xid8: {
    type: { kind: "decimal", precision: 20, scale: 0 },
    decode: decodeUnsigned8,
    digest: digest.digestAsText,
  },
  float4: { type: { kind: "float32" }, decode: decodeWord4, digest: digest.digestFloat },
  float8: { type: { kind: "float64" }, decode: decodeWord8, digest: digest.digestFloat },
  text,
  varchar: text,
  bpchar: { ...text, digest: digest.digestAsOutput },
  name: text,
  xml: text,
  refcursor: text,
  json: { type: { kind: "json" }, decode: decodeBytes, digest: digest.digestAsText },
  jsonb: { type: { kind: "json" }, decode: decodeVersioned, digest: digest.digestAsText },
  jsonpath: { type: { kind: "text" }, decode: decodeVersioned, digest: digest.digestAsText },
  bytea: { type: { kind: "bytes" }, decode: decodeBytes, digest: digest.digestBytes },
  uuid: { type: { kind: "uuid" }, decode: decodeUuid, digest: digest.digestAsText },
  date: { type: { kind: "date" }, decode: decodeDate, digest: digest.digestDate },
  time: { type: { kind: "time" }, decode: decodeWord8, digest: digest.digestTime },
  timetz: { type: { kind: "timetz" }, decode: decodeTimetz, digest: digest.digestTimetz },
  timestamp: { type: { kind: "timestamp" }, ...timestamp },
  timestamptz: { type: { kind: "timestamptz" }, ...timestamp },
  interval: { type: { kind: "interval" }, decode: decodeInterval, digest: digest.digestInterval },
};
