// Everything that XML 1.0 (section 2.2) does not allow, including lone surrogates.
const forbidden = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

/** Whether the text is allowed in an XML 1.0 document. */
export function isXmlText(text: string): boolean {
  return text.search(forbidden) < 0;
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  // Unescaped, a parser would turn it into a line feed.
  "\r": "&#xD;",
};

/** Printable ASCII except `&`, `<` and `>`: most texts consist of it, and it is checked much faster than escaped. */
const plain = /^[ -%'-;=?-~]*$/;

/**
 * Escapes the text between two tags. Input with characters that XML does not allow is refused, but names in a source
 * database may contain them and reach a client in an error's message: they become U+FFFD.
 */
export function escapeXmlText(text: string): string {
  if (plain.test(text)) return text;
  return text.replace(forbidden, "\ufffd").replace(/[&<>\r]/g, (character) => escapes[character] ?? "");
}
