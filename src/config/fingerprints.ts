import { createHash } from "node:crypto";

/** A hash of each section, so that two readings of a file can be compared without keeping its secrets. */
export function fingerprintsOf(sections: object): Readonly<Record<string, string>> {
  const hashed = Object.entries(sections).map(([name, value]): [string, string] => [
    name,
    createHash("sha256")
      .update(JSON.stringify(value) ?? "")
      .digest("hex"),
  ]);
  return Object.fromEntries(hashed);
}
