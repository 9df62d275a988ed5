import { expect, test } from "vitest";
import { commandName } from "./command-name.ts";

const checkout = { script: "/home/ann/zeroetl/bin/zeroetl.cjs", workingDirectory: "/home/ann/zeroetl" };

test("a command that npx or an npm script started is called by npx again", () => {
  const script = "/home/ann/zeroetl/node_modules/.bin/zeroetl";
  const variables = { npm_command: "exec", PATH: "/home/ann/zeroetl/node_modules/.bin:/usr/bin" };
  expect(commandName({ ...checkout, script, variables })).toBe("npx zeroetl");
  expect(commandName({ ...checkout, variables: { npm_command: "run-script" } })).toBe("npx zeroetl");
});

test("an installed command is called by its name", () => {
  const script = "/usr/local/bin/zeroetl";
  const variables = { PATH: "/usr/bin:/usr/local/bin" };
  expect(commandName({ script, workingDirectory: "/", variables })).toBe("zeroetl");
});

test("a command that the path does not find is called by its path", () => {
  expect(commandName({ ...checkout, variables: { PATH: "/usr/bin" } })).toBe("node bin/zeroetl.cjs");
  expect(commandName({ ...checkout, workingDirectory: "/srv", variables: {} })).toBe(
    "node /home/ann/zeroetl/bin/zeroetl.cjs",
  );
  const script = "/opt/my tools/zeroetl";
  expect(commandName({ script, workingDirectory: "/srv", variables: { PATH: "/usr/bin" } })).toBe(
    "node '/opt/my tools/zeroetl'",
  );
});
