import { XMLParser } from "fast-xml-parser";
import { unreachable } from "../../src/base/assert.ts";
import type { ModelShape, ServiceModel } from "./service-model.ts";

/** Elements by their names; several of one name are an array, one without content is an empty text. */
type Node = string | { readonly [element: string]: Node | readonly Node[] };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  ignoreDeclaration: true,
  trimValues: false,
});

/**
 * The output in an answer of the Query protocol as a client would have to parse it, by nothing but the model. An element
 * that the model does not know keeps its name, an element that is there too often stays a list. Throws where the
 * envelope is not the protocol's.
 */
export function outputInXml(model: ServiceModel, action: string, body: string): unknown {
  const { [`${action}Response`]: response, ...others } = parser.parse(body) as Record<string, Node>;
  const { "@xmlns": namespace, ResponseMetadata, ...rest } = membersOf(response);
  const { RequestId } = membersOf(ResponseMetadata);
  if (typeof RequestId !== "string" || namespace !== model.metadata.xmlNamespace || size(others) > 0)
    throw new Error(`not an envelope of ${action}: ${body}`);
  const { [`${action}Result`]: result = "", ...unknown } = rest;
  if (size(unknown) > 0) throw new Error(`the envelope of ${action} holds something else: ${body}`);
  return outputValue(model, model.output(action), result);
}

export interface AnsweredError {
  readonly code: unknown;
  readonly message: unknown;
}

/** The error in an answer. Throws where the envelope is not the protocol's. */
export function errorInXml(model: ServiceModel, body: string): AnsweredError {
  const { ErrorResponse } = parser.parse(body) as Record<string, Node>;
  const { "@xmlns": namespace, Error: told, RequestId, ...rest } = membersOf(ErrorResponse);
  const { Type, Code, Message, ...others } = membersOf(told);
  const isEnvelope = typeof RequestId === "string" && namespace === model.metadata.xmlNamespace;
  if (!isEnvelope || typeof Type !== "string" || size({ ...rest, ...others }) > 0)
    throw new Error(`not an envelope of an error: ${body}`);
  return { code: Code, message: Message };
}

function outputValue(model: ServiceModel, shape: ModelShape, node: Node | readonly Node[]): unknown {
  // Only a list may repeat an element: an array elsewhere is a flaw, which the reading will name.
  if (Array.isArray(node)) return node;
  switch (shape.type) {
    case "structure":
      return structureValue(model, shape, node as Node);
    case "list":
      return listValue(model, shape, node as Node);
    case "map":
      return Object.fromEntries(each(membersOf(node as Node)["entry"]).map((entry) => pairOf(entry)));
    case "boolean":
      return node === "true" || (node === "false" ? false : node);
    case "string":
    case "timestamp":
      return node;
    case "integer":
    case "long":
    case "float":
    case "double":
      return Number(node);
    default:
      return unreachable(shape);
  }
}

function structureValue(
  model: ServiceModel,
  { members }: ModelShape & { type: "structure" },
  node: Node,
): unknown {
  const byElement = new Map(
    Object.entries(members).map(([name, member]) => [member.locationName ?? name, { name, member }]),
  );
  return Object.fromEntries(
    Object.entries(membersOf(node)).map(([element, inner]) => {
      const known = byElement.get(element);
      return known === undefined
        ? [element, inner]
        : [known.name, outputValue(model, model.shape(known.member), inner)];
    }),
  );
}

function listValue(model: ServiceModel, { member }: ModelShape & { type: "list" }, node: Node): unknown {
  const { [member.locationName ?? "member"]: inner, ...unknown } = membersOf(node);
  if (size(unknown) > 0) return node;
  return each(inner).map((value) => outputValue(model, model.shape(member), value));
}

function pairOf(entry: Node): readonly [string, unknown] {
  const { key, value, ...unknown } = membersOf(entry);
  if (typeof key !== "string" || size(unknown) > 0)
    throw new Error("an entry of a map has a key and a value");
  return [key, value];
}

function membersOf(
  node: Node | readonly Node[] | undefined,
): Readonly<Record<string, Node | readonly Node[]>> {
  if (node === undefined) return {};
  if (typeof node !== "string") return node as Readonly<Record<string, Node>>;
  return node === "" ? {} : { "#text": node };
}

function each(node: Node | readonly Node[] | undefined): readonly Node[] {
  if (node === undefined) return [];
  return Array.isArray(node) ? (node as readonly Node[]) : [node as Node];
}

function size(members: object): number {
  return Object.keys(members).length;
}
