import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { CodedError, messageOf } from "../../base/errors.ts";
import type { QueryColumn, QueryRows } from "../../model/operator.ts";
import type { CommandContext } from "../context.ts";
import { clientOf } from "../context.ts";
import type { Terminal } from "../terminal.ts";
import { aligned, counted, oneLine } from "../text.ts";

export interface QueryFlags {
  readonly file?: string | undefined;
  readonly csv?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly target?: string | undefined;
}

/** Prints rows as they arrive, and ends as the format requires. */
interface Printer {
  readonly rows: (rows: QueryRows) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** `zeroetl query`: prints the rows of a query against the running warehouse. */
export async function query(
  context: CommandContext,
  argument: string | undefined,
  flags: QueryFlags,
): Promise<number> {
  const sql = await statementOf(argument, flags);
  const client = await clientOf(context);
  let printer: Printer | undefined;
  const request = { sql, target: flags.target, nested: flags.json === true ? "json" : "text" } as const;
  for await (const line of client.lines("query", request, context.signal)) {
    if ("columns" in line) {
      for (const notice of line.notices) process.stderr.write(`zeroetl: Notice: ${oneLine(notice)}\n`);
      printer = await printerOf(line.columns, flags, context.terminal);
    } else await printer?.rows(line.rows);
  }
  await printer?.end();
  return 0;
}

async function statementOf(argument: string | undefined, { file }: QueryFlags): Promise<string> {
  if (argument !== undefined && file !== undefined)
    throw new CodedError("USAGE", "Give the statement or --file, not both.");
  if (argument === "-" || file === "-") return text(process.stdin);
  if (argument !== undefined) return argument;
  if (file === undefined)
    throw new CodedError("USAGE", "Give a statement, or --file with the name of a file.");
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CodedError("USAGE", `The file ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

async function printerOf(
  columns: readonly QueryColumn[],
  flags: QueryFlags,
  terminal: Terminal,
): Promise<Printer> {
  if (flags.json === true) return jsonPrinter(columns, terminal);
  if (flags.csv === true) return csvPrinter(columns, terminal);
  if (columns.map(({ name }) => name).join() === "explain_key,explain_value") return planPrinter(terminal);
  return tablePrinter(columns, terminal);
}

const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;
/** This many rows are examined to determine the widths of columns; the others are aligned as far as they fit. */
const lookedAtMax = 1000;

function tablePrinter(columns: readonly QueryColumn[], terminal: Terminal): Printer {
  const right = columns.flatMap(({ type }, index) => (numeric.test(type) ? [index] : []));
  let waiting: QueryRows[number][] = [];
  let count = 0;
  let isBegun = false;
  const flush = async (): Promise<void> => {
    if (waiting.length === 0 && isBegun) return;
    const cells = waiting.map((row) => row.map((value) => (value === null ? "NULL" : oneLine(value))));
    const lines = aligned([...(isBegun ? [] : [columns.map(({ name }) => name)]), ...cells], right);
    if (!isBegun) lines[0] = terminal.bold(lines[0] ?? "");
    isBegun = true;
    waiting = [];
    await terminal.write(`${lines.join("\n")}\n`);
  };
  return {
    rows: async (rows) => {
      count += rows.length;
      waiting.push(...rows);
      if (waiting.length >= lookedAtMax) await flush();
    },
    end: async () => {
      await flush();
      await terminal.print(`(${counted(count, "row")})`);
    },
  };
}

/** The answer to EXPLAIN: a drawing of several lines. */
function planPrinter(terminal: Terminal): Printer {
  return {
    rows: async (rows) => {
      for (const [, plan] of rows)
        await terminal.write(`${(plan ?? "").trimEnd().split("\n").map(oneLine).join("\n")}\n`);
    },
    end: async () => {},
  };
}

async function csvPrinter(columns: readonly QueryColumn[], terminal: Terminal): Promise<Printer> {
  await terminal.write(csvLine(columns.map(({ name }) => name)));
  return {
    rows: (rows) => terminal.write(rows.map(csvLine).join("")),
    end: async () => {},
  };
}

/** RFC 4180; NULL is empty, an empty text is `""`. */
function csvLine(row: QueryRows[number]): string {
  const fields = row.map((value) => {
    if (value === null) return "";
    return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  });
  return `${fields.join(",")}\r\n`;
}

async function jsonPrinter(columns: readonly QueryColumn[], terminal: Terminal): Promise<Printer> {
  const names = uniqueNames(columns).map((name) => JSON.stringify(name));
  let separator = "";
  await terminal.write("[");
  const object = (row: QueryRows[number]): string => {
    const fields = row.map(
      (value, index) => `${names[index]}:${jsonValue(value, columns[index]?.type ?? "")}`,
    );
    return `{${fields.join(",")}}`;
  };
  return {
    rows: async (rows) => {
      if (rows.length === 0) return;
      await terminal.write(`${separator}\n${rows.map(object).join(",\n")}`);
      separator = ",";
    },
    end: () => terminal.write("\n]\n"),
  };
}

/** Types whose values arrive as JSON. */
const nested = /^(JSON$|(STRUCT|MAP|UNION)\(|.*\]$)/;

/** Digits are kept as they are: a JSON number may have more of them than a JavaScript number. */
function jsonValue(value: string | null, type: string): string {
  if (value === null) return "null";
  if (nested.test(type) && isJson(value)) return value;
  if (numeric.test(type) && /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(value)) return value;
  if (type === "BOOLEAN" && (value === "true" || value === "false")) return value;
  return JSON.stringify(value);
}

/** DuckDB's own JSON may contain `NaN`, which is not valid JSON. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function uniqueNames(columns: readonly QueryColumn[]): string[] {
  const seen = new Map<string, number>();
  return columns.map(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}
