import { unreachable } from "../../base/assert.ts";
import type { Shape, StructureShape, ValueOf } from "./shape.ts";
import type { AwsError } from "./error.ts";
import { escapeXmlText } from "./xml-text.ts";

/** The members of a structure as XML elements, in the order of the shape; undefined members are omitted. */
export function printMembers<S extends StructureShape>(shape: S, value: ValueOf<S>): string {
  return members(shape, value as Members);
}

interface SuccessAnswer {
  readonly action: string;
  readonly namespace: string;
  readonly requestId: string;
  /** From `printMembers`; undefined for an operation that has no result. */
  readonly result: string | undefined;
}

export function printSuccess({ action, namespace, requestId, result }: SuccessAnswer): string {
  const inner = result === undefined ? "" : element(`${action}Result`, result);
  return (
    `<${action}Response xmlns="${namespace}">${inner}` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`
  );
}

interface ErrorAnswer {
  readonly namespace: string;
  readonly requestId: string;
  readonly error: AwsError;
}

export function printError({ namespace, requestId, error }: ErrorAnswer): string {
  const type = error.status < 500 ? "Sender" : "Receiver";
  return (
    `<ErrorResponse xmlns="${namespace}"><Error><Type>${type}</Type><Code>${error.code}</Code>` +
    `<Message>${escapeXmlText(error.message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`
  );
}

type Members = Readonly<Record<string, unknown>>;

function members(shape: StructureShape, value: Members): string {
  let text = "";
  for (const [name, member] of membersOf(shape)) {
    const inner = value[name];
    if (inner !== undefined) text += element(name, content(member, inner));
  }
  return text;
}

/** By shape: a list prints the same one for each of its members. */
const memberLists = new WeakMap<StructureShape, readonly (readonly [name: string, member: Shape])[]>();

function membersOf(shape: StructureShape): readonly (readonly [name: string, member: Shape])[] {
  const known = memberLists.get(shape);
  if (known !== undefined) return known;
  const list = Object.entries({ ...shape.required, ...shape.optional });
  memberLists.set(shape, list);
  return list;
}

// `ValueOf` ties value and shape together for callers; inside, the shape determines the value's type.
function content(shape: Shape, value: unknown): string {
  switch (shape.kind) {
    case "string":
      return escapeXmlText(value as string);
    case "integer":
      return String(value as number);
    case "boolean":
      return String(value as boolean);
    case "timestamp":
      return (value as Date).toISOString();
    case "list":
      return (value as readonly unknown[])
        .map((member) => element(shape.memberName, content(shape.member, member)))
        .join("");
    case "map":
      return Object.entries(value as Readonly<Record<string, string>>)
        .map(([key, entry]) =>
          element("entry", element("key", escapeXmlText(key)) + element("value", escapeXmlText(entry))),
        )
        .join("");
    case "structure":
      return members(shape, value as Members);
    default:
      return unreachable(shape);
  }
}

function element(name: string, inner: string): string {
  return inner === "" ? `<${name}/>` : `<${name}>${inner}</${name}>`;
}
