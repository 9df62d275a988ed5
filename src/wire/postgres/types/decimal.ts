import { ValueError, type DecodeColumn } from "../../../model/replication/relation.ts";
import type { Fields } from "../../../model/replication/tuple.ts";
import type { Vector } from "../../../model/replication/vector.ts";
import { int16At, uint16At, WireError } from "../bytes.ts";

/*
 * numeric as numeric_send writes it: int16 digits, int16 weight, uint16 sign, uint16 display scale, then the digits,
 * int16 each, base 10,000. The value is the sum of digit[i] × 10,000^(weight − i).
 */
export const numericNegative = 0x4000;
export const numericNaN = 0xc000;
export const numericInfinity = 0xd000;
export const numericMinusInfinity = 0xf000;

/** One numeric during its conversion to a decimal. */
interface Numeric {
  region: Uint8Array;
  /** Where its digits are, and how many. */
  at: number;
  count: number;
  weight: number;
  negative: boolean;
  /** For more than 18 digits: |value| × 10^scale in words of 32 bits, lowest first. */
  readonly limbs: Float64Array;
}

interface Shape {
  readonly precision: number;
  readonly scale: number;
  /** Groups of four digits after the point. */
  readonly fractionGroups: number;
  /** 10^n, where n is the number of digits by which the last group exceeds the scale. */
  readonly excess: number;
}

/**
 * numeric → decimal(precision, scale), 1 to 38 digits. Throws `ValueError` for NaN, the infinities, and values with
 * more digits than the type; PostgreSQL's own modifier refuses all of these but NaN.
 */
export function decodeDecimal(precision: number, scale: number): DecodeColumn {
  const fractionGroups = Math.ceil(scale / 4);
  const excess = 10 ** (fractionGroups * 4 - scale);
  const shape: Shape = { precision, scale, fractionGroups, excess };
  const limbs = new Float64Array(4);
  const numeric: Numeric = { region: new Uint8Array(0), at: 0, count: 0, weight: 0, negative: false, limbs };
  const put = putterFor(shape);
  return (fields, { first, count }, out) => {
    numeric.region = fields.region;
    for (let row = 0; row < count; row += 1) {
      const isValue = (fields.lengths[first + row] as number) >= 0;
      out.valid[row] = isValue ? 1 : 0;
      if (!isValue) continue;
      open(numeric, fields, first + row);
      check(numeric, shape);
      put(numeric, out, row);
    }
  };
}

type Put = (numeric: Numeric, out: Vector, row: number) => void;

/** The cheapest exact arithmetic: one double up to 15 digits, two up to 18, four words up to 38. */
function putterFor(shape: Shape): Put {
  if (shape.precision <= 4) return (numeric, out, row) => putInt16(out, row, signed(numeric, shape));
  if (shape.precision <= 9)
    return (numeric, out, row) => {
      out.words[row] = signed(numeric, shape);
    };
  if (shape.precision <= 15) return (numeric, out, row) => putDouble(out, row, signed(numeric, shape));
  if (shape.precision <= 18) return (numeric, out, row) => putTwoParts(numeric, shape, { out, row });
  return (numeric, out, row) => {
    accumulate(numeric, shape);
    putLimbs(numeric, out, row);
  };
}

function open(numeric: Numeric, fields: Fields, index: number): void {
  const { region } = fields;
  const at = fields.starts[index] as number;
  const count = uint16At(region, at);
  if (fields.lengths[index] !== 8 + 2 * count)
    throw new WireError("a numeric has another length than its digits");
  const sign = uint16At(region, at + 4);
  numeric.count = count;
  numeric.weight = int16At(region, at + 2);
  numeric.at = at + 8;
  numeric.negative = sign === numericNegative;
  if (sign >= numericNaN) refuseSpecial(sign);
}

function refuseSpecial(sign: number): never {
  const name = sign === numericNaN ? "NaN" : "infinity";
  throw new ValueError(
    `${name} does not fit: a numeric with a precision is kept as a decimal, which has none`,
  );
}

/** Checks that the digits lie within precision and scale. */
function check(numeric: Numeric, { precision, scale, fractionGroups, excess }: Shape): void {
  const { region, at, count, weight } = numeric;
  if (count === 0) return;
  const lead = uint16At(region, at);
  const leadDigits = lead >= 1000 ? 4 : lead >= 100 ? 3 : lead >= 10 ? 2 : 1;
  const lastGroup = count - 1 - weight;
  const tail = lastGroup < fractionGroups ? 0 : uint16At(region, at + 2 * (count - 1));
  const isTooFine = lastGroup > fractionGroups ? true : tail % excess !== 0;
  if ((weight >= 0 && weight * 4 + leadDigits > precision - scale) || isTooFine)
    throw new ValueError(`a numeric has more digits than decimal(${precision},${scale}) holds`);
}

/** value × 10^scale, exact below 10^15. */
function signed(numeric: Numeric, { fractionGroups, excess }: Shape): number {
  const { region, at, count, weight } = numeric;
  const groups = weight + 1 + fractionGroups;
  const whole = groups < count ? groups : count;
  const isCut = whole === groups && excess > 1;
  let value = 0;
  let from = at;
  const end = at + 2 * (isCut ? whole - 1 : whole);
  for (; from < end; from += 2) value = value * 10_000 + uint16At(region, from);
  if (isCut) value = value * (10_000 / excess) + uint16At(region, from) / excess;
  else if (whole < groups) value *= (powersOfGroup[groups - whole] as number) / excess;
  return numeric.negative ? -value : value;
}

/** 10,000^n: as many powers as a decimal of 15 digits has groups. */
const powersOfGroup = [1, 1e4, 1e8, 1e12, 1e16, 1e20];

function putInt16(out: Vector, row: number, value: number): void {
  out.data[2 * row] = value;
  out.data[2 * row + 1] = value >> 8;
}

const twoTo32 = 4_294_967_296;

function putDouble(out: Vector, row: number, value: number): void {
  out.words[2 * row] = value;
  out.words[2 * row + 1] = Math.floor(value / twoTo32);
}

const twoTo20 = 1_048_576;

/** The last three groups of digits in one double, the preceding ones in another; combined into 64 bits at the end. */
function putTwoParts(numeric: Numeric, shape: Shape, place: { out: Vector; row: number }): void {
  const { region, at, count, weight, negative } = numeric;
  const { excess } = shape;
  const groups = weight + 1 + shape.fractionGroups;
  let upper = 0;
  let lower = 0;
  for (let group = 0; group < groups; group += 1) {
    const digit = group < count ? uint16At(region, at + 2 * group) : 0;
    if (group < groups - 3) upper = upper * 10_000 + digit;
    else if (group < groups - 1) lower = lower * 10_000 + digit;
    else lower = lower * (10_000 / excess) + digit / excess;
  }
  // upper < 10^6 × excess and factor = 10^12 / excess: split into pieces of 20 bits, every product is exact.
  const factor = 1e12 / excess;
  const top = upper * Math.floor(factor / twoTo20);
  const rest = (top % 4096) * twoTo20 + upper * (factor % twoTo20) + lower;
  const low = rest % twoTo32;
  const high = Math.floor(top / 4096) + Math.floor(rest / twoTo32);
  const { words } = place.out;
  words[2 * place.row] = negative ? -low : low;
  words[2 * place.row + 1] = negative ? -high - (low === 0 ? 0 : 1) : high;
}

/** |value| × 10^scale into words of 32 bits, lowest first. */
function accumulate({ region, at, count, weight, limbs }: Numeric, shape: Shape): void {
  limbs.fill(0);
  const groups = weight + 1 + shape.fractionGroups;
  for (let group = 0; group < groups; group += 1) {
    const digit = group < count ? uint16At(region, at + 2 * group) : 0;
    const divisor = group === groups - 1 ? shape.excess : 1;
    multiplyAdd(limbs, 10_000 / divisor, digit / divisor);
  }
}

function multiplyAdd(limbs: Float64Array, factor: number, summand: number): void {
  let carry = summand;
  for (let limb = 0; limb < limbs.length; limb += 1) {
    const sum = (limbs[limb] as number) * factor + carry;
    carry = Math.floor(sum / twoTo32);
    limbs[limb] = sum - carry * twoTo32;
  }
}

/** As two's complement. */
function putLimbs({ limbs, negative }: Numeric, out: Vector, row: number): void {
  const base = row * limbs.length;
  let carry = 1;
  for (let limb = 0; limb < limbs.length; limb += 1) {
    const word = limbs[limb] as number;
    const sum = negative ? twoTo32 - 1 - word + carry : word;
    carry = sum >= twoTo32 ? 1 : 0;
    out.words[base + limb] = sum;
  }
}
