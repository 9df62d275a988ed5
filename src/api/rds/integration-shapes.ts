import type { Shape, StringShape, StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import {
  anyString,
  description,
  encryptionContext,
  filterList,
  integrationErrors,
  integrationName,
  listOf,
  marker,
  page,
  tagList,
} from "../protocol/shape-parts.ts";

// Shapes of the RDS service model, API version 2014-10-31.

const sourceArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^arn:aws[a-z-]*:rds(-[a-z]*)?:[a-z0-9-]*:[0-9]*:(cluster|db):[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
};

const targetArn: StringShape = { kind: "string", lengthMin: 20, lengthMax: 2_048 };

const integrationIdentifier: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^[a-zA-Z0-9_:\-/]+$/,
};

const dataFilter: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 25_600,
  pattern: /^[a-zA-Z0-9_ "\\\-$,*.:?+/]*$/,
};

const integration = {
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

const eventCategoryList = listOf(anyString, "EventCategory", 100);

const event = {
  kind: "structure",
  required: {
    SourceIdentifier: anyString,
    SourceType: anyString,
    Message: anyString,
    EventCategories: eventCategoryList,
    Date: { kind: "timestamp" },
    SourceArn: anyString,
  },
  optional: {},
} as const satisfies Shape;

const eventCategoriesMap = {
  kind: "structure",
  required: { SourceType: anyString, EventCategories: eventCategoryList },
  optional: {},
} as const satisfies Shape;

export type IntegrationOutput = ValueOf<typeof integration>;

/** The input and output of each action. */
export const shapes = {
  CreateIntegration: {
    input: {
      kind: "structure",
      required: { SourceArn: sourceArn, TargetArn: targetArn, IntegrationName: integrationName },
      optional: {
        KMSKeyId: anyString,
        AdditionalEncryptionContext: encryptionContext,
        Tags: tagList,
        DataFilter: dataFilter,
        Description: description,
      },
    },
    output: integration,
  },
  DescribeIntegrations: {
    input: {
      kind: "structure",
      required: {},
      optional: {
        IntegrationIdentifier: integrationIdentifier,
        Filters: filterList,
        ...page,
      },
    },
    output: {
      kind: "structure",
      required: { Integrations: listOf(integration, "Integration", 100) },
      optional: { Marker: marker },
    },
  },
  ModifyIntegration: {
    input: {
      kind: "structure",
      required: { IntegrationIdentifier: integrationIdentifier },
      optional: { IntegrationName: integrationName, DataFilter: dataFilter, Description: description },
    },
    output: integration,
  },
  DeleteIntegration: {
    input: {
      kind: "structure",
      required: { IntegrationIdentifier: integrationIdentifier },
      optional: {},
    },
    output: integration,
  },
  AddTagsToResource: {
    input: { kind: "structure", required: { ResourceName: anyString, Tags: tagList }, optional: {} },
    output: undefined,
  },
  ListTagsForResource: {
    input: {
      kind: "structure",
      required: { ResourceName: anyString },
      optional: { Filters: filterList },
    },
    output: { kind: "structure", required: { TagList: tagList }, optional: {} },
  },
  RemoveTagsFromResource: {
    input: {
      kind: "structure",
      required: {
        ResourceName: anyString,
        TagKeys: listOf({ kind: "string", lengthMax: 128 } as const, "member", 200),
      },
      optional: {},
    },
    output: undefined,
  },
  DescribeEvents: {
    input: {
      kind: "structure",
      required: {},
      optional: {
        SourceIdentifier: anyString,
        SourceType: anyString,
        StartTime: { kind: "timestamp" },
        EndTime: { kind: "timestamp" },
        Duration: { kind: "integer" },
        EventCategories: eventCategoryList,
        Filters: filterList,
        ...page,
      },
    },
    output: {
      kind: "structure",
      required: { Events: listOf(event, "Event", 100) },
      optional: { Marker: marker },
    },
  },
  DescribeEventCategories: {
    input: { kind: "structure", required: {}, optional: { SourceType: anyString, Filters: filterList } },
    output: {
      kind: "structure",
      required: { EventCategoriesMapList: listOf(eventCategoriesMap, "EventCategoriesMap", 100) },
      optional: {},
    },
  },
} as const satisfies Record<
  string,
  { readonly input: StructureShape; readonly output: StructureShape | undefined }
>;
