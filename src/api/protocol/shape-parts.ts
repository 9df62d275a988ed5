import { contextPairsMax } from "../../kms/integration-keys.ts";
import type { ListShape, Shape, StringShape, ValueOf } from "../../wire/aws/shape.ts";

// Shapes that several services share. Strings without a length in a service model have one here.

export const anyString: StringShape = { kind: "string", lengthMax: 2_048 };

// The model's pattern for names, in a form that needs no backtracking.
export const integrationName: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 63,
  pattern: /^[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$/,
};

export const description: StringShape = { kind: "string", lengthMax: 1_000, pattern: /^.*$/u };

export const marker: StringShape = { kind: "string", lengthMin: 1, lengthMax: 340 };

/** The paging parameters of the Query protocol. */
export const page = { MaxRecords: { kind: "integer" }, Marker: marker } as const;

export const encryptionContext = {
  kind: "map",
  key: { kind: "string", lengthMin: 1, lengthMax: 2_048 },
  value: anyString,
  lengthMax: contextPairsMax,
} as const satisfies Shape;

// The handler checks the alphabet, since it knows the message that clients match on.
export const tag = {
  kind: "structure",
  required: { Key: { kind: "string", lengthMin: 1, lengthMax: 128 } },
  optional: { Value: { kind: "string", lengthMax: 256 } },
} as const satisfies Shape;

export const tagList = listOf(tag, "Tag", 200);

export const filter = {
  kind: "structure",
  required: { Name: anyString },
  // Required by the model, but an unknown name must be reported first.
  optional: { Values: listOf({ kind: "string", lengthMax: 255 }, "Value", 200) },
} as const satisfies Shape;

export const filterList = listOf(filter, "Filter", 20);

export const integrationErrors = listOf(
  {
    kind: "structure",
    required: { ErrorCode: anyString },
    optional: { ErrorMessage: anyString },
  },
  "IntegrationError",
  Number.POSITIVE_INFINITY,
);

export type FilterInput = ValueOf<typeof filter>;
export type TagInput = ValueOf<typeof tag>;

export function listOf<const Member extends Shape>(
  member: Member,
  memberName: string,
  lengthMax: number,
): ListShape<Member> {
  return { kind: "list", member, memberName, lengthMax };
}
