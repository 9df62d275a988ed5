/*
 * float8out and float4out: the shortest decimal digits that identify the number, in PostgreSQL's notation
 * (`src/common/d2s.c`, `f2s.c`). They differ from JavaScript's in two ways: exponents begin elsewhere, and a decimal
 * that lies exactly halfway between two numbers is never used, since it relies on the reader's rounding.
 */

/** As float8out prints with extra_float_digits 1. */
export function float64Text(value: number): string {
  if (!Number.isFinite(value) || value === 0) return unusual(value);
  const [digits, exponent] = split(Math.abs(value) >= exactMax ? shortest64(value) : value.toExponential());
  return notation({ negative: value < 0, digits, exponent }, 15);
}

/** As float4out prints with extra_float_digits 1; `value` is a number that a float4 holds. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value) || value === 0) return unusual(value);
  const [digits, exponent] = shortest32(Math.abs(value));
  return notation({ negative: value < 0, digits, exponent }, 6);
}

function unusual(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/** Digits without a point, and the exponent of the first. */
type Digits = readonly [digits: string, exponent: number];

/** Splits JavaScript's `d.ddde±x`. */
function split(exponential: string): Digits {
  const e = exponential.indexOf("e");
  const from = exponential.startsWith("-") ? 1 : 0;
  const first = exponential.charAt(from);
  return [first + exponential.slice(from + 2, e), Number(exponential.slice(e + 1))];
}

interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** Without an exponent from 10^−4 up to 10^`plainMax`, exclusive. */
function notation({ negative, digits, exponent }: Decimal, plainMax: number): string {
  const sign = negative ? "-" : "";
  if (exponent >= plainMax || exponent < -4) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${sign}${digits.charAt(0)}${rest}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** Below 2^53 no decimal of 17 digits lies halfway between two doubles. */
const exactMax = 2 ** 53;

function shortest64(value: number): string {
  const text = value.toExponential();
  const [digits, exponent] = split(text);
  const tail = exponent - digits.length + 1;
  if (tail < 0) return text;
  const distance = BigInt(digits) * 10n ** BigInt(tail) - BigInt(Math.abs(value));
  return isHalfStep(Math.abs(value), distance) ? withoutMiddle(value, digits) : text;
}

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);

/** Whether `distance` is exactly half the distance from `value` ≥ 2^53 to one of its neighbours. */
function isHalfStep(value: number, distance: bigint): boolean {
  double[0] = value;
  const [low = 0, high = 0] = doubleWords;
  const half = 1n << BigInt((high >>> 20) - 1023 - 53);
  // Below a power of two, the numbers are twice as dense.
  const isPower = low === 0 && (high & 0xf_ffff) === 0;
  return distance === half || distance * (isPower ? 2n : 1n) === -half;
}

function withoutMiddle(value: number, middle: string): string {
  for (let count = middle.length; count < 16; count += 1) {
    const text = value.toExponential(count);
    if (Number(text) === value && split(text)[0].replace(/0+$/, "") !== middle) return text;
  }
  return value.toExponential(16);
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

const powersOfTen = Float64Array.from({ length: 56 }, (_, exponent) => Number(`1e${exponent}`));

/**
 * The closest among the shortest decimals strictly between the midpoints to the neighbours; 0 < value. Tried in
 * doubles, whose 29 additional bits almost always decide; a value too close to a boundary is decided exactly.
 */
function shortest32(value: number): Digits {
  single[0] = value;
  const bits = singleBits[0] ?? 0;
  singleBits[0] = bits + 1;
  const half = ((single[0] ?? 0) - value) / 2;
  // Below a power of two the numbers are denser; the largest number has infinity above.
  if ((bits & 0x7f_ffff) === 0 || half === Infinity) return split(exactShortest32(value, bits));
  const exponent = Math.floor(Math.log10(value));
  const scale = exponent > 8 ? 1 / (powersOfTen[exponent - 8] ?? 1) : (powersOfTen[8 - exponent] ?? 1);
  const scaled = value * scale;
  const reach = half * scale;
  for (let zeros = 9; zeros >= 0; zeros -= 1) {
    const step = powersOfTen[zeros] ?? 1;
    const steps = scaled / step;
    const whole = Math.round(steps);
    const distance = Math.abs(scaled - whole * step);
    if (distance > reach + margin) continue;
    // Halfway between two decimals, or at the boundary of the interval, a double is not precise enough.
    if (distance > reach - margin || Math.abs(Math.abs(steps - whole) - 0.5) * step < margin) break;
    const digits = String(whole);
    return [digits, digits.length - 1 + zeros + exponent - 8];
  }
  return split(exactShortest32(value, bits));
}

/** More than the sum of three rounding errors in a number below 10^10. */
const margin = 2 ** -14;

function exactShortest32(value: number, bits: number): string {
  singleBits[0] = bits - 1;
  const below = single[0] ?? 0;
  singleBits[0] = bits + 1;
  const above = Number.isFinite(single[0]) ? (single[0] ?? 0) : value + (value - below);
  // Sums of neighbouring float4 are exact in a double, and so are their halves.
  const low = (below + value) / 2;
  const high = (value + above) / 2;
  for (let digits = 0; digits < 9; digits += 1) {
    const text = value.toExponential(digits);
    if (isBetween(text, low, high)) return evenAtTie(value, text, digits);
    // Below a power of two the interval is half as wide: it may contain the next decimal above, but not the closest
    // one.
    const larger = nextDecimal(text, digits);
    if (Number(text) <= low && isBetween(larger, low, high)) return larger;
  }
  return value.toExponential(8);
}

function nextDecimal(text: string, digits: number): string {
  const [whole, exponent] = split(text);
  return Number(`${Number(whole) + 1}e${exponent - digits}`).toExponential(digits);
}

function isBetween(text: string, low: number, high: number): boolean {
  const decimal = Number(text);
  return decimal > low && decimal < high;
}

/** If the value lies halfway between two decimals of that length, JavaScript chooses the larger one. */
function evenAtTie(value: number, text: string, digits: number): string {
  const last = text.charCodeAt(text.indexOf("e") - 1) - 0x30;
  if (last % 2 === 0 || !/5e/.test(value.toExponential(digits + 1))) return text;
  // A number halfway between has at most one more digit, so 21 digits are all of them.
  const exact = split(value.toExponential(20))[0].slice(digits + 1);
  if (!/^50*$/.test(exact)) return text;
  return text.replace(/\de/, `${last - 1}e`);
}
