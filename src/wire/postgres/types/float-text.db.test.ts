import fc from "fast-check";
import { expect, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { float32Text, float64Text } from "./float-text.ts";

const bits = new DataView(new ArrayBuffer(8));

function float64OfBits(high: number, low: number): number {
  bits.setUint32(0, high);
  bits.setUint32(4, low);
  return bits.getFloat64(0);
}

function float32OfBits(word: number): number {
  bits.setUint32(0, word);
  return bits.getFloat32(0);
}

/** Numbers next to which others stand at unequal distances, and short decimals. */
function awkward64(): number[] {
  const numbers = [5e-324, 1.7976931348623157e308, 0.1, 0.3, 1e23, 2 ** 53 + 2, 2 ** 52 + 1.5];
  for (let exponent = 1; exponent < 2047; exponent += 1)
    for (const neighbour of [-1, 0, 1])
      numbers.push(float64OfBits(exponent << 20, 0) * (1 + neighbour * 2 ** -52));
  for (let exponent = -323; exponent <= 308; exponent += 1)
    numbers.push(Number(`1e${exponent}`), Number(`-25e${exponent}`));
  return numbers.filter(Number.isFinite);
}

function awkward32(): number[] {
  const numbers: number[] = [];
  for (let exponent = 0; exponent < 255; exponent += 1)
    for (const neighbour of [-1, 0, 1, 2])
      numbers.push(float32OfBits(Math.max(1, (exponent << 23) + neighbour)));
  for (let exponent = -45; exponent <= 38; exponent += 1) numbers.push(Math.fround(Number(`1e${exponent}`)));
  // Where 24 bits end in a fraction, numbers lie in the middle between shorter decimals.
  for (let index = 0; index < 200; index += 1)
    numbers.push(Math.fround(2 ** 21 + index / 8), Math.fround(2 ** 22 + index / 4));
  return numbers.filter(Number.isFinite);
}

async function printedByServer(
  server: TestPostgres,
  type: string,
  numbers: readonly number[],
): Promise<string[]> {
  const client = await server.connect();
  try {
    await client.query("SET extra_float_digits = 1");
    const { rows } = await client.query<{ text: string }>(
      `SELECT v::${type}::text AS text FROM unnest($1::text[]) WITH ORDINALITY AS t(v, n) ORDER BY n`,
      [numbers.map((number) => (Object.is(number, -0) ? "-0" : String(number)))],
    );
    return rows.map(({ text }) => text);
  } finally {
    await client.end();
  }
}

test("floats are printed as PostgreSQL prints them, to the last digit", async () => {
  await using server = await TestPostgres.start({ version: 18 });
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const word = fc.integer({ min: 0, max: 0xffff_ffff });
  const random64 = fc
    .sample(fc.tuple(word, word), { numRuns: 20_000, seed })
    .map(([high, low]) => float64OfBits(high, low));
  // Whole numbers beyond 2^53, where a short decimal may lie just in the middle between two doubles.
  const large = fc.sample(fc.tuple(word, fc.integer({ min: 1053, max: 1140 }), word), {
    numRuns: 20_000,
    seed,
  });
  const short = fc.sample(fc.tuple(fc.nat(99_999), fc.integer({ min: -320, max: 300 })), {
    numRuns: 20_000,
    seed,
  });
  const doubles = [
    ...awkward64(),
    ...random64,
    ...large.map(([high, exponent, low]) => float64OfBits((exponent << 20) | (high & 0xf_ffff), low)),
    ...short.map(([digits, exponent]) => Number(`${digits}e${exponent}`)),
  ];
  expect(doubles.map(float64Text), `seed ${seed}`).toEqual(await printedByServer(server, "float8", doubles));
  const singles = [
    ...awkward32(),
    ...fc.sample(word, { numRuns: 40_000, seed }).map(float32OfBits),
    ...short.map(([digits, exponent]) => Math.fround(Number(`${digits}e${exponent % 38}`))),
  ];
  expect(singles.map(float32Text), `seed ${seed}`).toEqual(await printedByServer(server, "float4", singles));
});
