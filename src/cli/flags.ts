import { InvalidArgumentError, Option } from "commander";
import { environment } from "../config/config.ts";

export interface Flag {
  /** In commander's syntax, such as `-c, --config <file>`. A flag without a value is either on or off. */
  readonly flags: string;
  /** Equivalent to the flag; the flag takes precedence. */
  readonly variable: `ZEROETL_${string}`;
  readonly help: string;
  readonly default?: string | number;
  readonly parse?: (text: string) => unknown;
}

/** Every flag of every command, with its variable. Help and documentation are generated from this table. */
export const flags = {
  config: {
    flags: "-c, --config <file>",
    variable: "ZEROETL_CONFIG",
    help: "configuration file",
    default: "zeroetl.yaml",
  },
  dataDir: {
    flags: "--data-dir <dir>",
    variable: "ZEROETL_DATA_DIR",
    help: "data directory, instead of the configured one",
  },
  debug: {
    flags: "--debug",
    variable: "ZEROETL_DEBUG",
    help: "log more, and show stack traces",
  },
  rows: {
    flags: "--rows <n>",
    variable: "ZEROETL_ROWS",
    help: "size of the shop",
    default: 100_000,
    parse: wholeNumber(100, 100_000_000),
  },
  seconds: {
    flags: "--seconds <n>",
    variable: "ZEROETL_SECONDS",
    help: "stop after this time, with a summary",
    parse: wholeNumber(1, 1_000_000),
  },
  rate: {
    flags: "--rate <n>",
    variable: "ZEROETL_RATE",
    help: "transactions a second that are written to the shop",
    default: 100,
    parse: wholeNumber(1, 100_000),
  },
  watch: { flags: "--watch", variable: "ZEROETL_WATCH", help: "refresh every second" },
  since: {
    flags: "--since <when>",
    variable: "ZEROETL_SINCE",
    help: "how far to look back: a duration such as 30m, 24h or 7d, or a time such as 2026-01-31T09:30Z",
    default: "24h",
  },
  json: { flags: "--json", variable: "ZEROETL_JSON", help: "print JSON" },
  policy: {
    flags: "--policy <file>",
    variable: "ZEROETL_POLICY",
    help: "what the key may do: a policy in IAM's language, JSON or YAML; everything without one",
  },
  target: {
    flags: "--target <name>",
    variable: "ZEROETL_TARGET",
    help: "name or ARN of the target, where there are several",
  },
  file: {
    flags: "--file <file>",
    variable: "ZEROETL_FILE",
    help: "read the statement from a file; - is standard input",
  },
  name: { flags: "--name <name>", variable: "ZEROETL_NAME", help: "name of the integration" },
  filter: {
    flags: "--filter <filter>",
    variable: "ZEROETL_FILTER",
    help: "data filter: which tables, such as 'include: shop.public.*, exclude: shop.public.log'",
  },
  database: {
    flags: "--database <name>",
    variable: "ZEROETL_DATABASE",
    help: "destination database, instead of one named after the source database",
  },
  csv: { flags: "--csv", variable: "ZEROETL_CSV", help: "print comma-separated values" },
} as const satisfies Record<string, Flag>;

/** The flag for commander, read from its variable if the command line does not set it. */
export function optionOf(flag: Flag): Option {
  const option = new Option(flag.flags, `${flag.help} (or ${flag.variable})`);
  if (flag.default !== undefined) option.default(flag.default);
  if (flag.parse !== undefined) option.argParser(flag.parse);
  // Commander takes any value of the variable as "on", even `false`.
  const takesValue = flag.flags.includes("<");
  if (takesValue || isOn(environment()[flag.variable])) option.env(flag.variable);
  return option;
}

/** The help already names the variable. */
export function describeOption(option: Option): string {
  const standard = option.defaultValue === undefined ? "" : `, default ${String(option.defaultValue)}`;
  return option.description.replace(/\)$/, `${standard})`);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false", "no", "off"].includes(value.toLowerCase());
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return value;
  };
}
