/** `1234567` as `1,234,567`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Seconds in human-readable form: `12 ms`, `3.4 s`, `2 min 5 s`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const units = ["bytes", "kB", "MB", "GB", "TB"] as const;

/** `1536` as `1.5 kB`. */
export function byteSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** A number with its noun: `1 table`, `3 tables`. */
export function counted(value: number, noun: string): string {
  return `${grouped(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** As in ISO 8601, with a precision of one second, in local time: `2026-01-31 09:30:00`. */
export function localTime(time: Date): string {
  return time.toLocaleString("sv-SE");
}

/**
 * Characters that break lines or move the cursor are escaped: names and values at a source may contain any character.
 */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    const written = JSON.stringify(character).slice(1, -1);
    // JSON does not escape the second set of control characters.
    return written === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : written;
  });
}

/** Wrapped lines with a head in place of the first line's indent, which has the same width. */
export function headed(head: string, [first = "", ...rest]: readonly string[], indent: string): string[] {
  return [head + first.slice(indent.length), ...rest];
}

/** Wraps text between words, each line after `indent`. A word longer than a line gets a line of its own. */
export function wrapped(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, indent + line];
}

/** Columns side by side, two blanks apart; `right` columns are aligned to the right. Trailing blanks are removed. */
export function aligned(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const blanks = " ".repeat((widths[column] ?? 0) - width(cell));
        return right.includes(column) ? blanks + cell : cell + blanks;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Terminal columns that a text occupies: characters of East Asian scripts occupy two, combining ones none. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}|\p{Cf}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return columns;
}

/** A bar of `columns` characters. */
export function bar(done: number, columns: number): string {
  const full = Math.round(Math.min(1, Math.max(0, done)) * columns);
  return `[${"#".repeat(full)}${"-".repeat(columns - full)}]`;
}

/** Safe to paste into a shell. */
export function shellQuoted(text: string): string {
  return /^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
