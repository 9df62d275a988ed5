import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret, SecretBytes } from "./secret.ts";

test("a secret shows itself nowhere but where it is revealed", () => {
  const secret = new Secret("hunter2");
  const bytes = new SecretBytes(Buffer.from("hunter2"));
  const shown = [secret, bytes].flatMap((each) => [
    String(each),
    JSON.stringify({ each }),
    inspect({ each }, { depth: 9, showHidden: true }),
  ]);
  expect(shown.join()).not.toContain("hunter2");
  expect(shown.join()).not.toContain("104");
  expect(secret.reveal()).toBe("hunter2");
  expect(Buffer.from(bytes.reveal()).toString()).toBe("hunter2");
});
