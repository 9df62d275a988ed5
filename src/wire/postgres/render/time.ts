import type { Cursor } from "../cursor.ts";
import { epochDays } from "../types/decode.ts";
import type { Render } from "./render.ts";
import type { TextWriter } from "./text-writer.ts";

/*
 * Dates and times as PostgreSQL writes them with DateStyle ISO, IntervalStyle postgres and TimeZone UTC, and as it
 * writes them in JSON: ISO 8601 with a T and `+00:00`.
 */

const int32Max = 0x7fff_ffff;
const int32Min = -0x8000_0000;
const secondsPerDay = 86_400;

export const renderDate: Render = (from, out) => {
  const days = from.int32();
  if (days === int32Max) out.ascii("infinity");
  else if (days === int32Min) out.ascii("-infinity");
  else if (putDate(days, out)) out.ascii(" BC");
};

/** How date and time are combined. */
interface TimestampStyle {
  readonly separator: string;
  /** For timestamptz, which is printed in UTC. */
  readonly zone: string;
}

export const renderTimestamp = timestampIn({ separator: " ", zone: "" });
export const renderTimestamptz = timestampIn({ separator: " ", zone: "+00" });
export const renderTimestampJson = timestampIn({ separator: "T", zone: "" });
export const renderTimestamptzJson = timestampIn({ separator: "T", zone: "+00:00" });

function timestampIn({ separator, zone }: TimestampStyle): Render {
  return (from, out) => {
    const time = micros(from);
    if (time.isMost) out.ascii("infinity");
    else if (time.isLeast) out.ascii("-infinity");
    else {
      const days = Math.floor(time.seconds / secondsPerDay);
      const isBefore = putDate(days, out);
      out.ascii(separator);
      putTime({ seconds: time.seconds - days * secondsPerDay, micros: time.micros }, out);
      out.ascii(zone);
      if (isBefore) out.ascii(" BC");
    }
  };
}

export const renderTime: Render = (from, out) => putTime(micros(from), out);

export const renderTimetz: Render = (from, out) => {
  putTime(micros(from), out);
  const west = from.int32();
  const offset = Math.abs(west);
  out.byte(west <= 0 ? plus : minus);
  out.padded(Math.floor(offset / 3600), 2);
  const rest = offset % 3600;
  if (rest === 0) return;
  out.byte(colon);
  out.padded(Math.floor(rest / 60), 2);
  if (rest % 60 === 0) return;
  out.byte(colon);
  out.padded(rest % 60, 2);
};

/** Years, months, days and a time, each with its own sign; `+` only after a negative part. */
export const renderInterval: Render = (from, out) => {
  const start = out.length;
  const time = micros(from);
  const days = from.int32();
  const months = from.int32();
  if (time.isMost && days === int32Max && months === int32Max) {
    out.ascii("infinity");
    return;
  }
  if (time.isLeast && days === int32Min && months === int32Min) {
    out.ascii("-infinity");
    return;
  }
  let isBehindNegative = false;
  const part = (value: number, unit: string): void => {
    if (value === 0) return;
    const space = out.length > start ? " " : "";
    const sign = isBehindNegative && value > 0 ? "+" : "";
    out.ascii(`${space}${sign}${value} ${unit}${value === 1 ? "" : "s"}`);
    isBehindNegative = value < 0;
  };
  part(Math.trunc(months / 12), "year");
  part(months % 12, "mon");
  part(days, "day");
  if (time.seconds === 0 && time.micros === 0 && out.length > start) return;
  if (out.length > start) out.byte(space);
  const isNegative = time.seconds < 0;
  if (isNegative) out.byte(minus);
  else if (isBehindNegative) out.byte(plus);
  putTime(isNegative ? negated(time) : time, out);
};

interface Time {
  /** Rounded down, so that `micros` is never negative. */
  readonly seconds: number;
  readonly micros: number;
}

function negated({ seconds, micros: fraction }: Time): Time {
  return fraction === 0
    ? { seconds: -seconds, micros: 0 }
    : { seconds: -seconds - 1, micros: 1_000_000 - fraction };
}

interface Micros extends Time {
  readonly isMost: boolean;
  readonly isLeast: boolean;
}

/** An int64 of microseconds, exact, without a BigInt: 2^32 µs are 4294 s and 967,296 µs. */
function micros(from: Cursor): Micros {
  const high = from.int32();
  const low = from.uint32();
  const rest = high * 967_296 + low;
  const carry = Math.floor(rest / 1_000_000);
  return {
    seconds: high * 4294 + carry,
    micros: rest - carry * 1_000_000,
    isMost: high === int32Max && low === 0xffff_ffff,
    isLeast: high === int32Min && low === 0,
  };
}

/** Hours may have more than two digits; the fraction is printed without trailing zeros. */
function putTime(time: Time, out: TextWriter): void {
  out.padded(Math.floor(time.seconds / 3600), 2);
  out.byte(colon);
  out.padded(Math.floor(time.seconds / 60) % 60, 2);
  out.byte(colon);
  out.padded(time.seconds % 60, 2);
  if (time.micros > 0) out.ascii(`.${String(time.micros).padStart(6, "0").replace(/0+$/, "")}`);
}

/** Writes year, month and day of days since 2000-01-01; returns true for a year BC. */
function putDate(days: number, out: TextWriter): boolean {
  const { year, month, day } = civil(days);
  out.padded(year > 0 ? year : 1 - year, 4);
  out.byte(minus);
  out.padded(month, 2);
  out.byte(minus);
  out.padded(day, 2);
  return year <= 0;
}

/** The proleptic Gregorian calendar, in eras of 400 years that begin on the first of March. */
function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + epochDays + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

const space = 0x20;
const plus = 0x2b;
const minus = 0x2d;
const colon = 0x3a;
