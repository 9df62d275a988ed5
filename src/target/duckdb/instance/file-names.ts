import { createHash } from "node:crypto";

const suffix = ".duckdb";
// File systems allow 255 bytes, and DuckDB adds `.wal` and the like.
const nameBytesMax = 200;

/**
 * The file of a database: its name with everything but lower-case letters, digits, `_` and `-` percent-encoded, so that
 * names stay distinct on case-insensitive file systems too. A longer name is truncated and gets a hash.
 */
export function fileOf(database: string): string {
  const encoded = Buffer.from(database)
    .toString("latin1")
    .replaceAll(/[^a-z0-9_-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  if (encoded.length <= nameBytesMax) return encoded + suffix;
  const hash = createHash("sha256").update(database).digest("hex").slice(0, 16);
  return `${encoded.slice(0, 120)}+${hash}${suffix}`;
}

export function isDatabaseFile(file: string): boolean {
  return file.endsWith(suffix);
}

/** The database name of the file, or the beginning of a long one. */
export function nameOf(file: string): string {
  const encoded = file.slice(0, -suffix.length).replace(/\+[0-9a-f]{16}$/, "");
  const bytes = encoded.replaceAll(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString();
}
