import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from "yaml";
import { z } from "zod";
import { closest } from "../base/closest.ts";
import { CodedError, messageOf } from "../base/errors.ts";

/** The location of something in the configuration: keys and indexes from the top. */
export type SettingPath = readonly PropertyKey[];

/** The environment variables, or substitutes for a test. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The parser's own messages would quote the file, which may contain a secret. */
const yamlProblems: Readonly<Record<string, string>> = {
  BAD_INDENT: "a line is not indented as its neighbours",
  DUPLICATE_KEY: "a key is there twice",
  MISSING_CHAR:
    "something is missing, such as a colon, a quote or a bracket, or a line is not indented as its neighbours",
  TAB_AS_INDENT: "lines are indented with blanks, not with tabs",
};

/** At most this many mistakes are reported at once. */
const toldMax = 10;

/**
 * A YAML file with the positions of its settings. Every error message begins with file and line, and never contains a
 * value: values may be secrets.
 */
export class ConfigFile {
  readonly #name: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  /** The paths, as JSON, whose text came at least partly from the environment. */
  readonly #interpolated = new Set<string>();

  private constructor(name: string, document: Document, lines: LineCounter) {
    this.#name = name;
    this.#document = document;
    this.#lines = lines;
  }

  /** Throws `CodedError` CONFIGURATION if the text is not YAML. */
  static parse(path: string, text: string): ConfigFile {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const file = new ConfigFile(basename(path), document, lines);
    const [problem] = document.errors;
    if (problem !== undefined) {
      const { line } = lines.linePos(problem.pos[0]);
      const hint =
        text.split("\n")[line - 1]?.includes("${") === true ? '; "${NAME}" needs quotes inside braces' : "";
      const what = yamlProblems[problem.code] ?? problem.code;
      const sentence = `${file.#name}:${line}: this is not valid YAML (${what})${hint}`;
      throw new CodedError("CONFIGURATION", sentence);
    }
    return file;
  }

  /**
   * Replaces `${NAME}` in texts with environment variables; `$${` stands for a literal `${`. Applies only below the top
   * keys `sections`, if given: a client does not need a source's password.
   */
  interpolate(variables: Variables, sections?: readonly string[]): void {
    visit(this.#document, {
      Scalar: (key, node, ancestors) => {
        if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
        const path = pathOf(ancestors, key);
        if (sections !== undefined && !sections.includes(String(path[0]))) return;
        node.value = this.#replace(node.value, variables, path);
      },
    });
  }

  #replace(text: string, variables: Variables, path: SettingPath): string {
    return text.replaceAll(/\$?\$\{([^}]*)\}?/g, (found, name: string) => {
      if (found.startsWith("$$")) return found.slice(1);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || !found.endsWith("}"))
        return this.refuse(
          path,
          `${labelOf(path)} has a "\${" that names no variable; write "$\${" for the text`,
        );
      const value = variables[name];
      if (value === undefined)
        return this.refuse(path, `${labelOf(path)} needs the environment variable ${name}, which is not set`);
      this.#interpolated.add(JSON.stringify(path));
      return value;
    });
  }

  /** The file as plain values. */
  values(): unknown {
    try {
      return this.#document.toJS();
    } catch {
      // Only a chain of aliases that would grow without bound fails this late.
      return this.refuse([], "it repeats aliases too often");
    }
  }

  /** Whether the text at `path` is written in the file itself, with nothing from the environment. */
  literal(path: SettingPath): boolean {
    return this.#document.hasIn(path) && !this.#interpolated.has(JSON.stringify(path));
  }

  /** `file:line` of the setting, or of the nearest enclosing element. */
  where(path: SettingPath): string {
    return `${this.#name}:${this.#lineOf(path)}`;
  }

  refuse(path: SettingPath, sentence: string): never {
    throw new CodedError("CONFIGURATION", `${this.where(path)}: ${sentence}`);
  }

  /** Refuses with the issues in file order, one per line, so that all can be corrected at once. */
  refuseIssues(issues: readonly z.core.$ZodIssue[], schema: z.ZodType): never {
    const whole = { schema, values: this.values() };
    const found = issues.map((issue) => {
      const key = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
      return { line: this.#lineOf([...issue.path, ...key]), sentence: sentenceOf(issue, whole) };
    });
    found.sort((a, b) => a.line - b.line);
    const told = found.slice(0, toldMax).map(({ line, sentence }) => `${this.#name}:${line}: ${sentence}`);
    const left = found.length - told.length;
    throw new CodedError(
      "CONFIGURATION",
      [...told, ...(left > 0 ? [`and ${left} more to correct`] : [])].join("\n"),
    );
  }

  #lineOf(path: SettingPath): number {
    let node: unknown = this.#document.contents;
    let offset = offsetOf(node);
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step);
        offset = offsetOf(pair?.key) ?? offset;
        node = pair?.value;
      } else if (isSeq(node)) {
        node = node.items[Number(step)];
        offset = offsetOf(node) ?? offset;
      } else break;
    }
    return offset === undefined ? 1 : this.#lines.linePos(offset).line;
  }
}

/** Refuses values that come from no file. */
export function refuseIssues(issues: readonly z.core.$ZodIssue[], checked: Checked): never {
  const [first] = issues;
  throw new CodedError("CONFIGURATION", first === undefined ? "it is not valid" : sentenceOf(first, checked));
}

/** What was checked, and against what. */
interface Checked {
  readonly schema: z.ZodType;
  readonly values: unknown;
}

function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[0];
}

/** The path of a scalar from the arguments of `visit`: its ancestors, and its own key in the last of them. */
function pathOf(ancestors: readonly unknown[], key: number | "key" | "value" | null): PropertyKey[] {
  const path: PropertyKey[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    const below = ancestors[index + 1];
    if (isSeq(ancestor)) path.push(below === undefined ? Number(key) : ancestor.items.indexOf(below));
    else if (isPairLike(ancestor))
      path.push(String(isScalar(ancestor.key) ? ancestor.key.value : ancestor.key));
  }
  return path;
}

function isPairLike(node: unknown): node is { key: unknown } {
  return typeof node === "object" && node !== null && "key" in node && "value" in node;
}

function labelOf(path: SettingPath): string {
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`));
  const label = steps.join("").replace(/^\./, "");
  return label === "" ? "the configuration" : label;
}

function sentenceOf(issue: z.core.$ZodIssue, checked: Checked): string {
  const label = labelOf(issue.path);
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const place = issue.path.length === 0 ? "" : ` in ${label}`;
    return `unknown setting ${JSON.stringify(key)}${place}; allowed here: ${keysAt(checked, issue.path).join(", ")}`;
  }
  if (issue.code === "custom") return `${label} ${issue.message}`;
  const found = valueAt(checked.values, issue.path);
  const choice = choiceOf(issue);
  const allowed = choice === undefined ? allowedAt(checked, issue.path) : `one of ${choice.join(", ")}`;
  const mayBeMissing = issue.code === "invalid_type" || choice !== undefined;
  return mayBeMissing && found === undefined
    ? `${label} is missing; it must be ${allowed}`
    : `${label} must be ${allowed}${suggestionFor(found, choice)}`;
}

/** The values among which the setting chooses, if it is a choice. */
function choiceOf(issue: z.core.$ZodIssue): string[] | undefined {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "invalid_union" && "options" in issue ? issue.options?.map(String) : undefined;
}

/** Suggests one of the allowed values, never the one that was written. */
function suggestionFor(found: unknown, choice: readonly string[] | undefined): string {
  if (choice === undefined || typeof found !== "string") return "";
  const meant = closest(found.slice(0, 40), choice);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

function allowedAt(checked: Checked, path: SettingPath): string {
  const at = schemaAt(checked, path);
  const allowed = at?.meta()?.["allowed"];
  if (typeof allowed === "string") return allowed;
  if (at?.def.type === "array") return "a list";
  return at?.def.type === "object" || at?.def.type === "union" ? "a mapping of settings" : "of another type";
}

function keysAt(checked: Checked, path: SettingPath): string[] {
  const at = schemaAt(checked, path);
  return at?.def.type === "object" ? Object.keys((at as z.ZodObject).shape) : [];
}

/** The schema at a path; the one that carries the description, inside defaults. */
function schemaAt({ schema, values }: Checked, path: SettingPath): z.ZodType | undefined {
  let at: z.ZodType | undefined = chosen(unwrapped(schema), values);
  for (const [index, step] of path.entries()) {
    if (at?.def.type === "object") at = (at as z.ZodObject).shape[String(step)] as z.ZodType | undefined;
    else if (at?.def.type === "array") at = (at as z.ZodArray).element as z.ZodType;
    else return undefined;
    if (at !== undefined) at = chosen(unwrapped(at), valueAt(values, path.slice(0, index + 1)));
  }
  return at;
}

/** Of a union by a setting such as `engine`, the schema that the value has chosen. */
function chosen(schema: z.ZodType, value: unknown): z.ZodType {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator, options } = schema.def;
  const choice = valueAt(value, [discriminator]);
  const found = (options as z.ZodObject[]).find(({ shape }) => {
    const of = shape[discriminator] as z.ZodType | undefined;
    return of?.safeParse(choice).success === true;
  });
  return found ?? schema;
}

function valueAt(values: unknown, path: SettingPath): unknown {
  let at = values;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  return at;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let at = schema;
  for (;;) {
    const { type } = at.def;
    if (type !== "default" && type !== "prefault" && type !== "optional") return at;
    at = (at as z.ZodDefault | z.ZodOptional | z.ZodPrefault).unwrap() as z.ZodType;
  }
}

const bytesMax = 1024 * 1024;

/** The file does not exist. */
export class MissingFile extends CodedError {}

/** Throws `MissingFile`, and `CodedError` CONFIGURATION for a file that cannot be read or is not YAML. */
export async function readConfigFile(path: string, what = "configuration"): Promise<ConfigFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new MissingFile(
        what === "configuration" ? "CONFIGURATION_MISSING" : "CONFIGURATION",
        `there is no ${what} file ${path}`,
        { cause },
      );
    throw new CodedError("CONFIGURATION", `${path} cannot be read (${code ?? messageOf(cause)})`, { cause });
  });
  if (bytes.length > bytesMax) throw new CodedError("CONFIGURATION", `${path} is larger than 1 MiB`);
  try {
    return ConfigFile.parse(path, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw new CodedError("CONFIGURATION", `${path} is not UTF-8 text`, { cause });
  }
}

/**
 * Whether users other than its owner can read a file. If it cannot be examined, the code that reads it reports that.
 */
export async function othersCanRead(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && (found.mode & 0o044) !== 0;
}
