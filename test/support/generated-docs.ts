import { z } from "zod";
import { errorCatalogue } from "../../src/base/errors.ts";
import { flags, type Flag } from "../../src/cli/flags.ts";
import { configurationSchema } from "../../src/config/config.ts";
import { eventCatalogue } from "../../src/model/event.ts";
import { configurableEngines } from "../../src/service/engines.ts";
import { targetEngines, targetSettings } from "../../src/target/engines.ts";
import type { Atomicity } from "../../src/target/target.ts";

const made =
  "<!-- Made from the sources by test/generated-docs.test.ts; `npx vitest run test/generated-docs.test.ts -u` updates it. -->";

/** Editors complete and check a configuration by it. */
export function configurationJsonSchema(): string {
  const schema = z.toJSONSchema(configurationSchema(configurableEngines), {
    io: "input",
    override: ({ jsonSchema }) => {
      delete jsonSchema["allowed"];
      // The engine of a target may come from the environment: then several kinds of target fit.
      if (jsonSchema.oneOf !== undefined) {
        jsonSchema.anyOf = jsonSchema.oneOf;
        delete jsonSchema.oneOf;
      }
      if (jsonSchema.type !== "string" && jsonSchema.type !== "integer") return;
      const isLimited = ["pattern", "enum", "const"].some((key) => key in jsonSchema);
      if (!isLimited && jsonSchema.type !== "integer") return;
      // What comes from the environment is checked when it is there.
      const { description, default: standard, ...written } = { ...jsonSchema };
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, {
        ...(description !== undefined && { description }),
        ...(standard !== undefined && { default: standard }),
        anyOf: [written, { type: "string", pattern: String.raw`\$\{[A-Za-z_][A-Za-z0-9_]*\}` }],
      });
    },
  });
  return `${JSON.stringify({ title: "Configuration of zeroetl", ...schema }, undefined, 2)}\n`;
}

/** Every error code with its fix. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { retry, fix }]) =>
      `| \`${code}\` | ${retry ? "yes" : "no"} | ${cell(fix ?? "What the message says.")} |`,
  );
  return [
    made,
    "",
    "# Error codes",
    "",
    "In `Errors` of an integration, in findings of `zeroetl check`, as reasons of failed tables and in messages of the",
    "command line. Codes are stable: one may be added, none is renamed or given another meaning.",
    "",
    "| code | retried automatically | what to do |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Every event with its number. */
export function eventsPage(): string {
  const rows = Object.values(eventCatalogue)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(
      ({ id, severity, category, sentence }) =>
        `| \`${id}\` | ${severity} | ${category} | ${cell(sentence)} |`,
    );
  return [
    made,
    "",
    "# Events",
    "",
    "What `zeroetl events`, `DescribeEvents` with the source type `zero-etl`, the log and the webhook (`events.webhook`)",
    "tell of integrations, kept for 14 days. Numbers that begin with REDSHIFT are AWS's, those that begin with ZEROETL are",
    "for what AWS has no number. Numbers are stable: one may be added, none is given another meaning.",
    "",
    "| number | severity | category | what happened |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Every setting of the configuration file, and every flag. */
export function settingsPage(): string {
  return [
    made,
    "",
    "# Settings",
    "",
    "## Configuration file",
    "",
    "YAML; a text may hold `${VARIABLE}` of the environment, and `$${` stands for `${` itself. An unknown key, a wrong type",
    "or a missing value is refused with file and line. Editors understand [the JSON Schema](configuration.schema.json).",
    "",
    ...settingTable(
      settingRows(configurationSchema({ ...configurableEngines, targets: withoutSettings }), ""),
    ),
    ...Object.entries(targetEngines).flatMap(([engine, { settings, atomicity }]) => [
      `### Targets with \`engine: ${engine}\``,
      "",
      atomicitySentences[atomicity],
      "",
      ...settingTable(settingRows(settings, "targets[]")),
    ]),
    "## Flags",
    "",
    "Each flag has a variable that gives the same; the flag is stronger. Exit status: 0 done, 1 failed, 2 wrong usage.",
    "",
    "| flag | variable | what it does |",
    "|---|---|---|",
    ...Object.values(flags).map((flag: Flag) => {
      const standard = flag.default === undefined ? "" : ` (default ${flag.default})`;
      return `| \`${flag.flags}\` | \`${flag.variable}\` | ${cell(flag.help)}${standard} |`;
    }),
    "",
  ].join("\n");
}

const atomicitySentences: Readonly<Record<Atomicity, string>> = {
  database: "A transaction of the source becomes visible as a whole, in all of its tables at once.",
  table:
    "A transaction of the source becomes visible in one table after another, and in each table as a whole.",
};

/** Leaves the settings that every target has. */
const withoutSettings = Object.fromEntries(
  Object.keys(targetSettings).map((engine) => [engine, z.strictObject({})]),
);

function settingTable(rows: readonly string[]): string[] {
  return ["| setting | what it is | must be |", "|---|---|---|", ...rows, ""];
}

function settingRows(schema: z.ZodType, path: string): string[] {
  const at = innermost(schema);
  if (at instanceof z.ZodDiscriminatedUnion) return settingRows(at.options[0] as z.ZodType, path);
  if (at.def.type === "array") return settingRows((at as z.ZodArray).element as z.ZodType, `${path}[]`);
  if (at.def.type !== "object") return [];
  return Object.entries((at as z.ZodObject).shape).flatMap(([key, value]) => {
    const name = path === "" ? key : `${path}.${key}`;
    const { description = "", allowed } = innermost(value as z.ZodType).meta() ?? {};
    return [
      `| \`${name}\` | ${cell(description)} | ${cell(String(allowed))} |`,
      ...settingRows(value as z.ZodType, name),
    ];
  });
}

function innermost(schema: z.ZodType): z.ZodType {
  const { type } = schema.def;
  if (type !== "default" && type !== "prefault" && type !== "optional") return schema;
  return innermost((schema as z.ZodOptional).unwrap() as z.ZodType);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
