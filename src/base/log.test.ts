import { expect, test } from "vitest";
import { errorFields } from "./log.ts";

test("an error is one line for a person, and has its stack and causes for a log", () => {
  const error = new Error("no answer", { cause: new Error("closed") });
  expect(errorFields(error, true)).toBe("no answer");
  const whole = errorFields(error, false) as { message: string; stack: string };
  expect(whole.message).toBe("no answer: closed");
  expect(whole.stack).toMatch(/log\.test\.ts/);
});
