/**
 * Text that PostgreSQL accepts: a message may quote bytes of a broken server, but PostgreSQL text cannot contain NUL or
 * half of a surrogate pair.
 */
export function storableText(text: string): string {
  return text.replaceAll(/[\0\p{Surrogate}]/gu, "\ufffd");
}

/** JSON of texts that PostgreSQL accepts. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "string" ? storableText(inner) : inner,
  );
}
