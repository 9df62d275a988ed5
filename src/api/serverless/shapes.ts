import type { StringShape, StructureShape } from "../../wire/aws/shape.ts";
import { anyString, listOf, marker } from "../protocol/shape-parts.ts";

// Shapes of the Redshift Serverless service model, API version 2021-04-21. The output has only the members whose values
// can be known here.

/** The model requires at least three characters, and no capitals; targets have the names in their configuration. */
const name: StringShape = { kind: "string", lengthMin: 1, lengthMax: 64, pattern: /^[a-zA-Z0-9-]+$/ };

const page = { maxResults: { kind: "integer", min: 1, max: 100 }, nextToken: marker } as const;

const namespace = {
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

const workgroup = {
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

/** The input and output of each action. */
export const serverlessShapes = {
  ListNamespaces: {
    input: { kind: "structure", required: {}, optional: page },
    output: {
      kind: "structure",
      required: { namespaces: listOf(namespace, "member", 100) },
      optional: { nextToken: marker },
    },
  },
  GetNamespace: {
    input: { kind: "structure", required: { namespaceName: name }, optional: {} },
    output: { kind: "structure", required: { namespace }, optional: {} },
  },
  ListWorkgroups: {
    input: {
      kind: "structure",
      required: {},
      optional: { ...page, ownerAccount: { kind: "string", lengthMax: 12, pattern: /^\d{12}$/ } },
    },
    output: {
      kind: "structure",
      required: { workgroups: listOf(workgroup, "member", 100) },
      optional: { nextToken: marker },
    },
  },
  GetWorkgroup: {
    input: { kind: "structure", required: { workgroupName: name }, optional: {} },
    output: { kind: "structure", required: { workgroup }, optional: {} },
  },
} as const satisfies Record<string, { readonly input: StructureShape; readonly output: StructureShape }>;
