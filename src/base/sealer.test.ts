import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Sealer } from "./sealer.ts";
import { Secret } from "./secret.ts";

const sealer = new Sealer(randomBytes(32));
const text = fc.string({ unit: "grapheme", maxLength: 50 });

test("any secret is unsealed as it was, under its own name only", () => {
  fc.assert(
    fc.property(text, text, text, (secret, name, other) => {
      const sealed = sealer.seal(new Secret(secret), name);
      expect(sealer.unseal(sealed, name)?.reveal()).toBe(secret);
      if (other !== name) expect(sealer.unseal(sealed, other)).toBeUndefined();
    }),
  );
});

test("any change of a bit is noticed, and so is another key", () => {
  const sealed = sealer.seal(new Secret("sesame"), "AKIDEXAMPLE");
  const bytes = Buffer.from(sealed, "base64");
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(sealer.unseal(changed.toString("base64"), "AKIDEXAMPLE")).toBeUndefined();
  }
  for (let length = 0; length < bytes.length; length += 1)
    expect(sealer.unseal(bytes.toString("base64", 0, length), "AKIDEXAMPLE")).toBeUndefined();
  expect(new Sealer(randomBytes(32)).unseal(sealed, "AKIDEXAMPLE")).toBeUndefined();
});

test("the same secret is sealed differently each time", () => {
  const seal = (): string => sealer.seal(new Secret("sesame"), "AKIDEXAMPLE");
  expect(seal()).not.toBe(seal());
});
