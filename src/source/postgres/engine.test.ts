import { expect, test } from "vitest";
import { CodedError } from "../../base/errors.ts";
import { postgres } from "./engine.ts";

test.each([
  "postgres://u:p@h:5432/d",
  "postgres://u:p%40%2F%23@[::1]:5432/d",
  "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/ca.pem",
  "postgres://u@h/d?sslmode=no-verify",
  "postgres://u:a,b@h/d",
  "postgres://u@h/d?sslmode=require",
  "postgres://u@h/d?sslmode=verify-ca&sslrootcert=/ca.pem",
])("%s is taken", (url) => {
  expect(() => postgres.validateUrl(url)).not.toThrow();
});

test.each([
  ["a password with an at sign and a slash", "postgres://u:p@ss/w0rd@h:5432/d", /percent-codes/],
  ["a password with an at sign and a question mark", "postgres://u:p@ss?w0rd@h:5432/d", /percent-codes/],
  ["a password with an at sign and a number sign", "postgres://u:p@ss#w0rd@h:5432/d", /percent-codes/],
  ["a password with a slash", "postgres://u:pa/ss@h:5432/d", /not a valid URL; .*percent-codes/],
  ["another protocol", "mysql://u:p@h/d", /must begin with postgres:/],
  ["several hosts", "postgres://u:p@h:5432,i:5432/d", /several hosts; name the primary/],
  ["several hosts as a parameter", "postgres://u:p@h/d?host=i,j", /several hosts; name the primary/],
  ["no user", "postgres://h/d", /must name a user/],
  [
    "a misspelt sslmode",
    "postgres://u:p@h/d?sslmode=requir",
    /must be one of disable, require, verify-ca, verify-full, no-verify/,
  ],
  ["an sslmode that may not encrypt", "postgres://u:p@h/d?sslmode=prefer", /must be one of/],
  ["verify-ca without a CA", "postgres://u:p@h/d?sslmode=verify-ca", /needs sslrootcert/],
])("%s is refused without a piece of the password", (_what, url, sentence) => {
  const refusal = (() => {
    try {
      postgres.validateUrl(url);
    } catch (error) {
      return error as CodedError;
    }
    return undefined;
  })();
  expect(refusal).toBeInstanceOf(CodedError);
  expect(refusal?.message).toMatch(sentence);
  expect(refusal?.message).not.toMatch(/w0rd|pa\/ss/);
});
