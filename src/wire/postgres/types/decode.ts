import type { DecodeColumn } from "../../../model/replication/relation.ts";
import { ValueError } from "../../../model/replication/relation.ts";
import { int32At, uint8At, WireError } from "../bytes.ts";

/*
 * Columns whose values have a fixed width, and those whose bytes are used unchanged. The formats are those of
 * PostgreSQL's send functions (`src/backend/utils/adt`); the layouts written are those of model/vector.ts.
 */

function refuseLength(length: number, expected: number): never {
  throw new WireError(`a value of ${expected} bytes arrived with ${length}`);
}

/** One byte, 0 or 1. */
export const decodeBoolean: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    out.valid[row] = length < 0 ? 0 : 1;
    if (length < 0) continue;
    if (length !== 1) refuseLength(length, 1);
    out.data[row] = uint8At(region, starts[first + row] as number);
  }
};

/** int2. */
export const decodeWord2: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    out.valid[row] = length < 0 ? 0 : 1;
    if (length < 0) continue;
    if (length !== 2) refuseLength(length, 2);
    const at = starts[first + row] as number;
    out.data[2 * row] = uint8At(region, at + 1);
    out.data[2 * row + 1] = uint8At(region, at);
  }
};

/** int4, oid, float4. */
export const decodeWord4: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  const { words, valid } = out;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    valid[row] = length < 0 ? 0 : 1;
    if (length < 0) continue;
    if (length !== 4) refuseLength(length, 4);
    words[row] = int32At(region, starts[first + row] as number);
  }
};

/** int8, float8, time. */
export const decodeWord8: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  const { words, valid } = out;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    valid[row] = length < 0 ? 0 : 1;
    if (length < 0) continue;
    if (length !== 8) refuseLength(length, 8);
    const at = starts[first + row] as number;
    words[2 * row] = int32At(region, at + 4);
    words[2 * row + 1] = int32At(region, at);
  }
};

const int32Max = 0x7fff_ffff;
const int32Min = -0x8000_0000;

/** Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch. */
export const epochDays = 10_957;

/** int32 days since 2000-01-01; the extremes are the infinities. Every date of PostgreSQL fits. */
export const decodeDate: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  const { words, valid } = out;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    valid[row] = length < 0 ? 0 : 1;
    if (length < 0) continue;
    if (length !== 4) refuseLength(length, 4);
    const days = int32At(region, starts[first + row] as number);
    if (days === int32Max) words[row] = int32Max;
    else if (days === int32Min) words[row] = -int32Max;
    else words[row] = days + epochDays;
  }
};

const twoTo32 = 4_294_967_296;
/** Microseconds from 1970-01-01 to 2000-01-01, in two halves. */
const epochMicros = epochDays * 86_400_000_000;
const epochHigh = Math.floor(epochMicros / twoTo32);
const epochLow = epochMicros % twoTo32;
// 2^63 − 2 of 1970, the last microsecond that is not infinity, counted from 2000: 2^63 − 2 − epochMicros.
const lastHigh = int32Max - epochHigh - (epochLow > twoTo32 - 2 ? 1 : 0);
const lastLow = (2 * twoTo32 - 2 - epochLow) % twoTo32;

/**
 * int64 microseconds since 2000-01-01 00:00 (UTC); the extremes are the infinities. PostgreSQL's range extends 29 years
 * further into the future than a 64-bit count from 1970.
 */
export const decodeTimestamp: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  const { words, valid } = out;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    valid[row] = length < 0 ? 0 : 1;
    if (length < 0) continue;
    if (length !== 8) refuseLength(length, 8);
    const at = starts[first + row] as number;
    const high = int32At(region, at);
    const low = int32At(region, at + 4) >>> 0;
    if (high >= lastHigh && (high > lastHigh || low > lastLow)) {
      refuseUnlessInfinite(high, low);
      words[2 * row] = -1;
      words[2 * row + 1] = int32Max;
    } else if (high === int32Min && low === 0) {
      words[2 * row] = 1;
      words[2 * row + 1] = int32Min;
    } else {
      const sum = low + epochLow;
      words[2 * row] = sum;
      words[2 * row + 1] = high + epochHigh + (sum >= twoTo32 ? 1 : 0);
    }
  }
};

function refuseUnlessInfinite(high: number, low: number): void {
  if (high !== int32Max || low !== 0xffff_ffff)
    throw new ValueError("a timestamp after 294247-01-10 04:00:54.775806 does not fit");
}

/** PostgreSQL and the vector both allow offsets up to ±15:59:59. */
const offsetSecondsMax = 57_599;

/** int64 microseconds of the local day, then int32 seconds **west** of UTC. */
export const decodeTimetz = eachOf({ width: 12, words: 2 }, (region, at, slot) => {
  const high = int32At(region, at);
  const low = int32At(region, at + 4);
  const west = int32At(region, at + 8);
  slot.words[slot.base] = (low << 24) | (offsetSecondsMax + west);
  slot.words[slot.base + 1] = (low >>> 8) | (high << 24);
});

/** int64 microseconds, int32 days, int32 months; all three at an extreme are the infinities of PostgreSQL 17. */
export const decodeInterval = eachOf({ width: 16, words: 4 }, (region, at, slot) => {
  const high = int32At(region, at);
  const low = int32At(region, at + 4);
  const days = int32At(region, at + 8);
  const months = int32At(region, at + 12);
  if (isInfinite(months) && months === days && isInfinite(high) && (low | 0) === (high < 0 ? 0 : -1))
    throw new ValueError("an infinite interval does not fit");
  slot.words[slot.base] = months;
  slot.words[slot.base + 1] = days;
  slot.words[slot.base + 2] = low;
  slot.words[slot.base + 3] = high;
});

function isInfinite(part: number): boolean {
  return part === int32Max || part === int32Min;
}

export const decodeUuid = eachOf({ width: 16, words: 4 }, (region, at, slot) => {
  slot.words[slot.base] = int32At(region, at + 12);
  slot.words[slot.base + 1] = int32At(region, at + 8);
  slot.words[slot.base + 2] = int32At(region, at + 4);
  slot.words[slot.base + 3] = int32At(region, at) ^ int32Min;
});

/** int64 in a decimal of 16 bytes: money, whose scale depends on the locale. */
export const decodeMoney = eachOf({ width: 8, words: 4 }, (region, at, slot) => {
  const high = int32At(region, at);
  slot.words[slot.base] = int32At(region, at + 4);
  slot.words[slot.base + 1] = high;
  slot.words[slot.base + 2] = high >> 31;
  slot.words[slot.base + 3] = high >> 31;
});

/** An unsigned int64 in a decimal of 16 bytes: xid8. */
export const decodeUnsigned8 = eachOf({ width: 8, words: 4 }, (region, at, slot) => {
  slot.words[slot.base] = int32At(region, at + 4);
  slot.words[slot.base + 1] = int32At(region, at);
  slot.words[slot.base + 2] = 0;
  slot.words[slot.base + 3] = 0;
});

type PutValue = (region: Uint8Array, at: number, slot: Slot) => void;

/** Where a value goes: `words` from index `base`. */
interface Slot {
  words: Int32Array;
  base: number;
}

/** For the rarer types, `width` bytes here and `words` there: one call per value. */
function eachOf({ width, words }: { width: number; words: number }, put: PutValue): DecodeColumn {
  const slot: Slot = { words: new Int32Array(0), base: 0 };
  return (fields, { first, count }, out) => {
    const { region, starts, lengths } = fields;
    slot.words = out.words;
    for (let row = 0; row < count; row += 1) {
      const length = lengths[first + row] as number;
      out.valid[row] = length < 0 ? 0 : 1;
      if (length < 0) continue;
      if (length !== width) refuseLength(length, width);
      slot.base = row * words;
      put(region, starts[first + row] as number, slot);
    }
  };
}

/** Text, json, bytea and everything that is stored as sent: nothing is copied. */
export const decodeBytes: DecodeColumn = (fields, { first, count }, out) => {
  const { starts, lengths } = fields;
  out.arena = fields.region;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    out.valid[row] = length < 0 ? 0 : 1;
    out.starts[row] = starts[first + row] as number;
    out.lengths[row] = length < 0 ? 0 : length;
  }
};

/** jsonb, jsonpath, ltree: a version byte, always 1, before the text. */
export const decodeVersioned: DecodeColumn = (fields, { first, count }, out) => {
  const { region, starts, lengths } = fields;
  out.arena = region;
  for (let row = 0; row < count; row += 1) {
    const length = lengths[first + row] as number;
    const start = starts[first + row] as number;
    out.valid[row] = length < 0 ? 0 : 1;
    out.starts[row] = start + 1;
    out.lengths[row] = length <= 0 ? 0 : length - 1;
    if (length >= 0 && (length === 0 || uint8At(region, start) !== 1))
      throw new WireError("a value with a version byte has another version than 1");
  }
};
