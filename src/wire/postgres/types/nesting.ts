import { present } from "../../../base/assert.ts";
import { renderText } from "../render/bytes.ts";
import { jsonString } from "../render/json.ts";
import {
  arrayJson,
  arrayText,
  composite,
  multirangeText,
  rangeText,
  type NamedRenders,
  type Renders,
} from "../render/nested.ts";
import { scalarOf } from "./scalar.ts";
import { withoutDomains, type PgType, type PgTypes } from "./type-query.ts";

/** How the elements of an array, composite or range are written. */
export interface ElementRenders extends Renders {
  readonly delimiter: string;
}

interface NoRenders {
  readonly unsupported: string;
}

/**
 * How values of a type are written inside others. PostgreSQL also sends the contents of a binary value in binary, and
 * refuses to send the whole value, which would end the stream, if a part has no binary form.
 */
export function rendersFor(types: PgTypes, oid: number): ElementRenders | NoRenders {
  const named = present(types.get(oid), "the types that a type is made of have been read");
  if (!named.hasBinary)
    return { unsupported: `PostgreSQL cannot send ${named.formatted} inside other values` };
  const { type } = withoutDomains(types, { oid, modifier: -1 });
  const renders = rendersOf(types, type);
  return "unsupported" in renders ? renders : { ...renders, delimiter: named.delimiter };
}

function rendersOf(types: PgTypes, type: PgType): Renders | NoRenders {
  const scalar = scalarOf(type);
  if (scalar !== undefined) {
    const { text = scalar.json, json } = scalar;
    return text === undefined || json === undefined
      ? { unsupported: `${type.formatted} inside other values is not known to zeroetl` }
      : { text, json };
  }
  if (type.elementOid !== 0) return arrayOf(types, type);
  if (type.kind === "composite") return compositeOf(types, type);
  switch (type.kind) {
    case "range":
    case "multirange":
      return rangeOf(types, type);
    case "enum":
      return { text: renderText, json: jsonString(renderText) };
    case "base":
    case "domain":
    case "pseudo":
      return { unsupported: `the binary form of ${type.formatted} is not known to zeroetl` };
  }
}

function arrayOf(types: PgTypes, type: PgType): Renders | NoRenders {
  const element = rendersFor(types, type.elementOid);
  if ("unsupported" in element) return element;
  return { text: arrayText(element, element.delimiter), json: arrayJson(element) };
}

function compositeOf(types: PgTypes, type: PgType): Renders | NoRenders {
  const fields: NamedRenders[] = [];
  for (const { name, oid } of type.fields) {
    const renders = rendersFor(types, oid);
    if ("unsupported" in renders) return renders;
    fields.push({ name, oid, ...renders });
  }
  return composite(type.formatted, fields);
}

function rangeOf(types: PgTypes, type: PgType): Renders | NoRenders {
  const subtype = rendersFor(types, type.rangeSubtypeOid);
  if ("unsupported" in subtype) return subtype;
  const range = rangeText(subtype);
  const text = type.kind === "range" ? range : multirangeText(range);
  return { text, json: jsonString(text) };
}
