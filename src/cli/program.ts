import { Command, CommanderError, type Option } from "commander";
import { readFileSync } from "node:fs";
import { setLogLevel } from "../base/log.ts";
import { asCalled, calledAs } from "./command-name.ts";
import type { CommandContext, CommonFlags } from "./context.ts";
import { reportFailure } from "./failure.ts";
import { describeOption, flags, optionOf } from "./flags.ts";
import { withStopSignals } from "./signals.ts";
import { openTerminal } from "./terminal.ts";

/** Returns the exit status. Commands are loaded when they run: most need only a fraction of what the service needs. */
type Run = (
  context: CommandContext,
  given: readonly string[],
  own: Record<string, unknown>,
) => Promise<number>;

/** `<required>` or `[optional]`, and its description. */
type Argument = readonly [name: string, help: string];

interface CommandDefinition {
  /** One word, or two: then the first one is a group of `groups`. */
  readonly name: string;
  readonly help: string;
  /** Without the name of the program. */
  readonly examples?: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly flags: readonly (keyof typeof flags)[];
  readonly run: Run;
}

const integrationArgument: Argument = ["<integration>", "name, ARN or uuid"];
const keyArgument: Argument = ["<key>", "access key id, such as AKIAIOSFODNN7EXAMPLE"];

const commands: readonly CommandDefinition[] = [
  {
    name: "demo",
    help: "see it work on this machine: a PostgreSQL with a small shop, replicated while it is written to",
    examples: ["demo --seconds 60"],
    flags: ["rows", "seconds", "rate"],
    run: async (context, _given, own) => {
      const { demo } = await import("./demo/demo.ts");
      return demo(context, own as { rows: number; rate: number; seconds?: number });
    },
  },
  {
    name: "serve",
    help: "run the service in the foreground; SIGHUP reloads its sources",
    examples: ["serve --config /etc/zeroetl.yaml"],
    flags: [],
    run: async (context) => (await import("./commands/serve.ts")).serve(context),
  },
  {
    name: "check",
    help: "check whether sources and targets are ready; each finding names its fix",
    examples: ["check", "check shop --json"],
    arguments: [["[source]", "the name of one source, instead of everything"]],
    flags: ["json"],
    run: async (context, [source], own) => (await import("./commands/check.ts")).check(context, source, own),
  },
  {
    name: "create",
    help: "create an integration, which replicates a source into a target from now on",
    examples: [
      "create shop analytics",
      "create shop analytics --name orders --filter 'include: shop.public.orders'",
    ],
    arguments: [
      ["<source>", "name or ARN of the source"],
      ["<target>", "name or ARN of the target"],
    ],
    flags: ["name", "filter", "database", "json"],
    run: async (context, [source = "", target = ""], own) =>
      (await import("./commands/integrations.ts")).create(context, { source, target }, own),
  },
  {
    name: "modify",
    help: "change the name or the data filter of an integration",
    examples: ["modify shop --filter 'include: shop.public.*, exclude: shop.public.log'"],
    arguments: [integrationArgument],
    flags: ["name", "filter", "json"],
    run: async (context, [integration = ""], own) =>
      (await import("./commands/integrations.ts")).modify(context, integration, own),
  },
  {
    name: "delete",
    help: "delete an integration; its rows stay readable in the warehouse",
    examples: ["delete shop"],
    arguments: [integrationArgument],
    flags: ["json"],
    run: async (context, [integration = ""], own) =>
      (await import("./commands/integrations.ts")).remove(context, integration, own),
  },
  {
    name: "status",
    help: "show integrations, tables, states, lag and throughput",
    examples: ["status --watch", "status shop", "status --json | jq -r '.targets[0].arn'"],
    arguments: [["[integration]", "name, ARN or uuid of one integration, with all its tables"]],
    flags: ["watch", "json"],
    run: async (context, [integration], own) =>
      (await import("./commands/status.ts")).status(context, integration, own),
  },
  {
    name: "events",
    help: "show what happened to integrations, newest last; kept for 14 days",
    examples: ["events --since 7d", "events shop --json"],
    arguments: [["[integration]", "name, ARN or uuid of one integration, which may be gone by now"]],
    flags: ["since", "json"],
    run: async (context, [integration], own) =>
      (await import("./commands/events.ts")).events(context, integration, own as { since: string }),
  },
  {
    name: "query",
    help: "run a query against the warehouse; tables are database.schema.table",
    examples: [
      "query 'SELECT count(*) FROM shop.public.orders'",
      "query --target analytics --csv 'FROM shop.public.orders' > orders.csv",
      "query --file report.sql",
    ],
    arguments: [["[sql]", "one statement that reads; - reads it from standard input"]],
    flags: ["file", "target", "csv", "json"],
    run: async (context, [sql], own) => (await import("./commands/query.ts")).query(context, sql, own),
  },
  {
    name: "drop-database",
    help: "delete a database that no integration fills, with its rows",
    examples: ["drop-database shop"],
    arguments: [["<name>", "as `zeroetl status` lists it"]],
    flags: ["target"],
    run: async (context, [name = ""], own) =>
      (await import("./commands/drop-database.ts")).dropDatabase(context, name, own),
  },
  {
    name: "verify",
    help: "compare source and warehouse at one log position, table by table",
    examples: ["verify shop"],
    arguments: [integrationArgument],
    flags: ["json"],
    run: async (context, [integration = ""], own) =>
      (await import("./commands/verify.ts")).verify(context, integration, own),
  },
  {
    name: "keys create",
    help: "make an access key; its secret is shown this once",
    examples: ["keys create ann", "keys create bob --policy policy.json"],
    arguments: [["<user>", "whose key it is: the last part of the user's ARN in messages and policies"]],
    flags: ["policy", "json"],
    run: async (context, [user = ""], own) =>
      (await import("./commands/keys.ts")).createKey(context, user, own),
  },
  {
    name: "keys list",
    help: "show the access keys of the configuration and of the catalog",
    flags: ["json"],
    run: async (context, _given, own) => (await import("./commands/keys.ts")).listKeys(context, own),
  },
  {
    name: "keys rotate",
    help: "make a second key of the same user and policy; the first one works until it is disabled",
    arguments: [keyArgument],
    flags: ["json"],
    run: async (context, [id = ""], own) => (await import("./commands/keys.ts")).rotateKey(context, id, own),
  },
  {
    name: "keys disable",
    help: "refuse requests of an access key, from now on",
    arguments: [keyArgument],
    flags: [],
    run: async (context, [id = ""]) => (await import("./commands/keys.ts")).changeKey(context, "disable", id),
  },
  {
    name: "keys enable",
    help: "take requests of a disabled access key again",
    arguments: [keyArgument],
    flags: [],
    run: async (context, [id = ""]) => (await import("./commands/keys.ts")).changeKey(context, "enable", id),
  },
  {
    name: "keys delete",
    help: "remove an access key for good",
    arguments: [keyArgument],
    flags: [],
    run: async (context, [id = ""]) => (await import("./commands/keys.ts")).changeKey(context, "delete", id),
  },
];

/** The subject of the commands in each group. */
const groups: Readonly<Record<string, string>> = {
  keys: "make, list, rotate, disable and delete access keys",
};

const commonFlags = ["config", "dataDir", "debug"] as const;

/** Runs a command line and returns the exit status: 0 done, 1 failed, 2 wrong usage. Never throws. */
export async function runCommandLine(parameters: readonly string[]): Promise<number> {
  let status = 0;
  const program = programOf(async (definition, command, given) => {
    status = await runCommand(definition, command, given);
  });
  try {
    await program.parseAsync([...parameters], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportFailure(error, false);
  }
}

type Action = (definition: CommandDefinition, command: Command, given: readonly string[]) => Promise<void>;

function programOf(action: Action): Command {
  const program = new Command("zeroetl")
    .description("Zero-ETL integrations that anyone can run")
    .version(version(), "-V, --version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .showHelpAfterError(asCalled("See `zeroetl --help`."))
    .configureHelp({
      showGlobalOptions: true,
      optionDescription: (option: Option) => describeOption(option),
      subcommandTerm: (command: Command) =>
        [command.name(), command.usage().replace(/\[options\] ?/, "")].join(" "),
    })
    .exitOverride();
  for (const name of commonFlags) program.addOption(optionOf(flags[name]));
  for (const definition of commands) {
    const command = commandOf(program, definition.name.split(" ")).description(definition.help);
    for (const argument of definition.arguments ?? []) command.argument(...argument);
    if (definition.examples !== undefined) command.addHelpText("after", exampleText(definition.examples));
    for (const name of definition.flags) command.addOption(optionOf(flags[name]));
    command.action(async () => action(definition, command, command.args));
  }
  return program;
}

function exampleText(examples: readonly string[]): string {
  return ["", "Examples:", ...examples.map((example) => `  ${calledAs()} ${example}`)].join("\n");
}

/** Adds a command, and its group before the group's first command. */
function commandOf(program: Command, [first = "", second]: readonly string[]): Command {
  if (second === undefined) return program.command(first);
  const found = program.commands.find((command) => command.name() === first);
  const group =
    found ??
    program
      .command(first)
      .description(groups[first] ?? "")
      .helpCommand(false);
  return group.command(second);
}

async function runCommand(
  definition: CommandDefinition,
  command: Command,
  given: readonly string[],
): Promise<number> {
  const common: CommonFlags = command.optsWithGlobals();
  const isService = definition.name === "serve";
  setLogLevel(levelOf(common.debug === true, isService));
  try {
    return await withStopSignals((signal) =>
      definition.run({ flags: common, terminal: openTerminal(), signal }, given, command.opts()),
    );
  } catch (error) {
    return reportFailure(error, common.debug === true);
  }
}

/** Only a service logs its life cycle; a command run by a person logs only problems. */
function levelOf(isDebug: boolean, isService: boolean) {
  if (isDebug) return "debug";
  return isService ? "info" : "error";
}

/** The version in package.json, which is two folders above in the sources and three in the compiled program. */
function version(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version: found } = JSON.parse(
        readFileSync(new URL(path, import.meta.url), "utf8"),
      ) as Record<string, string>;
      if (name === "zeroetl" && found !== undefined) return found;
    } catch {
      // Not in this place; the next one is tried.
    }
  }
  return "unknown";
}
