import type { LogicalType } from "../../../model/replication/logical-type.ts";
import type { DecodeColumn } from "../../../model/replication/relation.ts";
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
} from "./decode.ts";
import * as digest from "./digest.ts";
import * as bytes from "../render/bytes.ts";
import * as extensions from "../render/extension.ts";
import * as geometry from "../render/geometry.ts";
import { jsonNumber, jsonString, renderBooleanJson } from "../render/json.ts";
import { fixedVector, type Renders } from "../render/nested.ts";
import { renderInet, renderMacaddr } from "../render/network.ts";
import * as numbers from "../render/number.ts";
import { renderTsquery, renderTsvector } from "../render/search.ts";
import * as times from "../render/time.ts";
import { decodeRendered, type Render } from "../render/render.ts";
import type { PgType } from "./type-query.ts";

/** Properties of a built-in type whose values need no other type and no modifier. */
export interface Scalar {
  readonly type: LogicalType;
  readonly decode: DecodeColumn;
  readonly digest: digest.Digest;
  /** As the output function writes it; absent if that requires the catalog or the locale: then it cannot be nested. */
  readonly text?: Render;
  /** As to_json writes it. */
  readonly json?: Render;
}

/** Sent as exactly the text that is stored. */
const text: Scalar = {
  type: { kind: "text" },
  decode: decodeBytes,
  digest: digest.digestAsText,
  text: bytes.renderText,
  json: jsonString(bytes.renderText),
};

/** Sent in some binary form, stored as PostgreSQL prints it. */
function printed(render: Render): Scalar {
  return {
    type: { kind: "text" },
    decode: decodeRendered(render),
    digest: digest.digestAsOutput,
    text: render,
    json: jsonString(render),
  };
}

/** A column with its own type whose text is quoted in JSON. */
function quoted(column: Pick<Scalar, "type" | "decode" | "digest">, render: Render): Scalar {
  return { ...column, text: render, json: jsonString(render) };
}

function number(column: Pick<Scalar, "type" | "decode" | "digest">, render: Render): Scalar {
  return { ...column, text: render, json: jsonNumber(render) };
}

/** Oids that print as names. */
const named: Scalar = { type: { kind: "uint32" }, decode: decodeWord4, digest: digest.digestOid };
const uint32 = { type: { kind: "uint32" }, decode: decodeWord4, digest: digest.digestAsText } as const;

const byText = { digest: digest.digestAsText } as const;
const timestamp = { decode: decodeTimestamp, digest: digest.digestTimestamp } as const;

/** numeric without the modifier that makes it a decimal. */
export const numericText: Scalar = {
  ...printed(numbers.renderNumeric),
  json: jsonNumber(numbers.renderNumeric),
};

const int2Vector = fixedVector({ text: numbers.renderInt2, json: numbers.renderInt2 });
const oidVector = fixedVector({ text: numbers.renderUint4, json: jsonString(numbers.renderUint4) });

function jsonVector(renders: Renders): Scalar {
  return {
    type: { kind: "json" },
    decode: decodeRendered(renders.json),
    digest: digest.digestJson,
    ...renders,
  };
}

/** By name in pg_catalog. */
const scalars: Readonly<Record<string, Scalar>> = {
  bool: {
    type: { kind: "boolean" },
    decode: decodeBoolean,
    digest: digest.digestBoolean,
    text: numbers.renderBoolean,
    json: renderBooleanJson,
  },
  int2: number({ type: { kind: "int16" }, decode: decodeWord2, ...byText }, numbers.renderInt2),
  int4: number({ type: { kind: "int32" }, decode: decodeWord4, ...byText }, numbers.renderInt4),
  int8: number({ type: { kind: "int64" }, decode: decodeWord8, ...byText }, numbers.renderInt8),
  float4: number(
    { type: { kind: "float32" }, decode: decodeWord4, digest: digest.digestFloat },
    numbers.renderFloat4,
  ),
  float8: number(
    { type: { kind: "float64" }, decode: decodeWord8, digest: digest.digestFloat },
    numbers.renderFloat8,
  ),
  numeric: numericText,
  oid: quoted(uint32, numbers.renderUint4),
  xid: quoted(uint32, numbers.renderUint4),
  cid: quoted(uint32, numbers.renderUint4),
  xid8: quoted(
    { type: { kind: "decimal", precision: 20, scale: 0 }, decode: decodeUnsigned8, ...byText },
    numbers.renderUint8,
  ),
  regclass: named,
  regcollation: named,
  regconfig: named,
  regdictionary: named,
  regnamespace: named,
  regoper: named,
  regoperator: named,
  regproc: named,
  regprocedure: named,
  regrole: named,
  regtype: named,
  text,
  varchar: text,
  bpchar: { ...text, digest: digest.digestAsOutput },
  name: text,
  // A cast to text would include the declaration that the output function omits.
  xml: { ...text, digest: digest.digestAsOutput },
  refcursor: text,
  char: { ...printed(bytes.renderChar), digest: digest.digestChar },
  json: {
    type: { kind: "json" },
    decode: decodeBytes,
    ...byText,
    text: bytes.renderText,
    json: bytes.renderText,
  },
  jsonb: {
    type: { kind: "json" },
    decode: decodeVersioned,
    ...byText,
    text: bytes.renderVersioned,
    json: bytes.renderVersioned,
  },
  jsonpath: quoted({ type: { kind: "text" }, decode: decodeVersioned, ...byText }, bytes.renderVersioned),
  bytea: quoted(
    { type: { kind: "bytes" }, decode: decodeBytes, digest: digest.digestBytes },
    bytes.renderBytea,
  ),
  uuid: quoted({ type: { kind: "uuid" }, decode: decodeUuid, ...byText }, bytes.renderUuid),
  date: quoted({ type: { kind: "date" }, decode: decodeDate, digest: digest.digestDate }, times.renderDate),
  time: quoted({ type: { kind: "time" }, decode: decodeWord8, digest: digest.digestTime }, times.renderTime),
  timetz: quoted(
    { type: { kind: "timetz" }, decode: decodeTimetz, digest: digest.digestTimetz },
    times.renderTimetz,
  ),
  timestamp: {
    type: { kind: "timestamp" },
    ...timestamp,
    text: times.renderTimestamp,
    json: jsonString(times.renderTimestampJson),
  },
  timestamptz: {
    type: { kind: "timestamptz" },
    ...timestamp,
    text: times.renderTimestamptz,
    json: jsonString(times.renderTimestamptzJson),
  },
  interval: quoted(
    { type: { kind: "interval" }, decode: decodeInterval, digest: digest.digestInterval },
    times.renderInterval,
  ),
  bit: printed(bytes.renderBits),
  varbit: printed(bytes.renderBits),
  inet: printed(renderInet),
  cidr: printed(renderInet),
  macaddr: printed(renderMacaddr),
  macaddr8: printed(renderMacaddr),
  pg_lsn: printed(bytes.renderLsn),
  tid: printed(bytes.renderTid),
  pg_snapshot: printed(bytes.renderSnapshot),
  txid_snapshot: printed(bytes.renderSnapshot),
  tsvector: printed(renderTsvector),
  tsquery: printed(renderTsquery),
  point: printed(geometry.renderPoint),
  line: printed(geometry.renderLine),
  lseg: printed(geometry.renderLseg),
  box: printed(geometry.renderBox),
  path: printed(geometry.renderPath),
  polygon: printed(geometry.renderPolygon),
  circle: printed(geometry.renderCircle),
  int2vector: jsonVector(int2Vector),
  oidvector: jsonVector(oidVector),
};

/** By extension and name. */
const extensionScalars: Readonly<Record<string, Scalar>> = {
  "citext.citext": text,
  "hstore.hstore": {
    type: { kind: "json" },
    decode: decodeRendered(extensions.renderHstoreJson),
    digest: digest.digestJson,
    json: extensions.renderHstoreJson,
  },
  "ltree.ltree": quoted(
    { type: { kind: "text" }, decode: decodeVersioned, ...byText },
    bytes.renderVersioned,
  ),
  "ltree.lquery": quoted(
    { type: { kind: "text" }, decode: decodeVersioned, ...byText },
    bytes.renderVersioned,
  ),
  "ltree.ltxtquery": quoted(
    { type: { kind: "text" }, decode: decodeVersioned, ...byText },
    bytes.renderVersioned,
  ),
  "vector.vector": printed(extensions.renderVector),
  "vector.halfvec": printed(extensions.renderHalfvec),
  "vector.sparsevec": printed(extensions.renderSparsevec),
  "postgis.geometry": printed(bytes.renderUpperHex),
  "postgis.geography": printed(bytes.renderUpperHex),
};

/** The entry for the type as a whole; undefined for types composed of others, and for unknown types. */
export function scalarOf(type: PgType): Scalar | undefined {
  if (type.schema === "pg_catalog") return scalars[type.name];
  return type.extension === null ? undefined : extensionScalars[`${type.extension}.${type.name}`];
}
