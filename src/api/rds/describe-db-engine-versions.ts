import type { SupportedVersion } from "../../model/engine-kinds.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import { filtered, filterQuery, type Compared, type FilterTable } from "../protocol/filters.ts";
import { pageOf } from "../protocol/list-page.ts";
import { anyString, listOf, marker, type FilterInput } from "../protocol/shape-parts.ts";
import { filteredPage } from "./shapes.ts";

const status = "available";
/** Sources are provisioned servers. */
const engineMode = "provisioned";

// The members of the service model whose values can be known here.
const engineVersion = {
  kind: "structure",
  required: {
    Engine: anyString,
    MajorEngineVersion: anyString,
    EngineVersion: anyString,
    Status: anyString,
    SupportedEngineModes: listOf(anyString, "member", 1),
    SupportsIntegrations: { kind: "boolean" },
  },
  optional: {},
} as const satisfies StructureShape;

/**
 * The engines that can be sources, one entry per major version, which represents all of its minor versions: for 16.4,
 * the answer is 16. In the order of engine and version.
 */
export const describeDbEngineVersions = action({
  name: "DescribeDBEngineVersions",
  input: {
    kind: "structure",
    required: {},
    optional: {
      Engine: anyString,
      EngineVersion: anyString,
      DBParameterGroupFamily: anyString,
      DefaultOnly: { kind: "boolean" },
      ...filteredPage,
    },
  },
  output: {
    kind: "structure",
    required: { DBEngineVersions: listOf(engineVersion, "DBEngineVersion", 100) },
    optional: { Marker: marker },
  },
  permission: anywhere("rds:DescribeDBEngineVersions"),
  handle: async (input, call) => {
    const { Engine, EngineVersion, DBParameterGroupFamily, DefaultOnly = false, Filters } = input;
    const asked = call.engineVersions
      .filter(({ engine }) => Engine === undefined || engine === Engine.toLowerCase())
      .filter(({ majorVersion }) => EngineVersion === undefined || majorVersion === majorOf(EngineVersion))
      // Parameter groups do not exist here.
      .filter(() => DBParameterGroupFamily === undefined);
    const matching = filtered(asked, filterNames, minorsAsMajors(Filters));
    const { items, Marker } = pageOf(call, input, {
      items: DefaultOnly ? matching.filter((version) => isDefault(version, asked)) : matching,
      placeOf: ({ engine, majorVersion }) => `${engine} ${majorVersion.padStart(4)}`,
      query: [
        "DescribeDBEngineVersions",
        Engine,
        EngineVersion,
        DBParameterGroupFamily,
        String(DefaultOnly),
        ...filterQuery(Filters),
      ],
    });
    return { DBEngineVersions: items.map(versionOutput), Marker };
  },
});

const filterNames: FilterTable<Compared<SupportedVersion>> = {
  "db-parameter-group-family": () => [],
  engine: ({ engine }) => [engine],
  "engine-mode": () => [engineMode],
  "engine-version": ({ majorVersion }) => [majorVersion],
  status: () => [status],
};

function minorsAsMajors(filters: readonly FilterInput[] | undefined): FilterInput[] | undefined {
  return filters?.map(({ Name, Values }) => ({
    Name,
    Values: Name === "engine-version" ? Values?.map(majorOf) : Values,
  }));
}

function majorOf(version: string): string {
  const [major = ""] = version.split(".", 1);
  return major;
}

/** Whether it is the newest of its engine among those requested. */
function isDefault({ engine, majorVersion }: SupportedVersion, asked: readonly SupportedVersion[]): boolean {
  return asked.every(
    (other) => other.engine !== engine || Number(other.majorVersion) <= Number(majorVersion),
  );
}

function versionOutput({ engine, majorVersion }: SupportedVersion): ValueOf<typeof engineVersion> {
  return {
    Engine: engine,
    MajorEngineVersion: majorVersion,
    EngineVersion: majorVersion,
    Status: status,
    SupportedEngineModes: [engineMode],
    SupportsIntegrations: true,
  };
}
