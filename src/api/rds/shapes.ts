import type { Shape, StringShape, ValueOf } from "../../wire/aws/shape.ts";
import {
  anyString,
  description,
  encryptionContext,
  filterList,
  integrationErrors,
  integrationName,
  listOf,
  page,
  tagList,
} from "../protocol/shape-parts.ts";

// Shapes of the RDS service model that several actions share.

export const sourceArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^arn:aws[a-z-]*:rds(-[a-z]*)?:[a-z0-9-]*:[0-9]*:(cluster|db):[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
};

export const targetArn: StringShape = { kind: "string", lengthMin: 20, lengthMax: 2_048 };

export const integrationIdentifier: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^[a-zA-Z0-9_:\-/]+$/,
};

export const dataFilter: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 25_600,
  pattern: /^[a-zA-Z0-9_ "\\\-$,*.:?+/]*$/,
};

export const integration = {
  kind: "structure",
  required: {
    SourceArn: sourceArn,
    TargetArn: targetArn,
    IntegrationName: integrationName,
    IntegrationArn: anyString,
    KMSKeyId: anyString,
    AdditionalEncryptionContext: encryptionContext,
    Status: anyString,
    Tags: tagList,
    DataFilter: dataFilter,
    CreateTime: { kind: "timestamp" },
    Errors: integrationErrors,
  },
  optional: { Description: description },
} as const satisfies Shape;

/** Of an instance or a cluster. */
export const databaseIdentifier: StringShape = { kind: "string", lengthMin: 1, lengthMax: 255 };

export const filteredPage = { Filters: filterList, ...page } as const;

export const eventCategoryList = listOf(anyString, "EventCategory", 100);

export type IntegrationOutput = ValueOf<typeof integration>;
