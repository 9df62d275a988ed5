import type { StringShape, StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { anyString, marker } from "../protocol/shape-parts.ts";

// Shapes of the Redshift Serverless service model that several actions share. The output has only the members whose
// values can be known here.

/** The model requires at least three characters, and no capitals; targets have the names in their configuration. */
export const name: StringShape = { kind: "string", lengthMin: 1, lengthMax: 64, pattern: /^[a-zA-Z0-9-]+$/ };

export const page = { maxResults: { kind: "integer", min: 1, max: 100 }, nextToken: marker } as const;

export const namespace = {
  kind: "structure",
  required: {
    namespaceArn: anyString,
    namespaceId: anyString,
    namespaceName: anyString,
    status: anyString,
    dbName: anyString,
  },
  optional: {},
} as const satisfies StructureShape;

export const workgroup = {
  kind: "structure",
  required: {
    workgroupArn: anyString,
    workgroupId: anyString,
    workgroupName: anyString,
    namespaceName: anyString,
    status: anyString,
  },
  optional: {},
} as const satisfies StructureShape;

export type NamespaceOutput = ValueOf<typeof namespace>;
export type WorkgroupOutput = ValueOf<typeof workgroup>;
