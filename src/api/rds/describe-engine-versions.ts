import type { SupportedVersion } from "../../model/engine-kinds.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import type { databaseShapes } from "./database-shapes.ts";
import { filtered, filterQuery, type Compared, type FilterTable } from "../protocol/filters.ts";
import { pageOf } from "../protocol/list-page.ts";
import type { ApiOptions } from "../options.ts";

type Input = ValueOf<typeof databaseShapes.DescribeDBEngineVersions.input>;
type Output = ValueOf<typeof databaseShapes.DescribeDBEngineVersions.output>;

const status = "available";
/** Sources are provisioned servers. */
const engineMode = "provisioned";

/**
 * The engines that can be sources, one entry per major version, which represents all of its minor versions: for 16.4,
 * the answer is 16. In the order of engine and version.
 */
export async function describeDbEngineVersions(input: Input, options: ApiOptions): Promise<Output> {
  const { Engine, EngineVersion, DBParameterGroupFamily, DefaultOnly = false, Filters } = input;
  const asked = options.engineVersions
    .filter(({ engine }) => Engine === undefined || engine === Engine.toLowerCase())
    .filter(({ majorVersion }) => EngineVersion === undefined || majorVersion === majorOf(EngineVersion))
    // Parameter groups do not exist here.
    .filter(() => DBParameterGroupFamily === undefined);
  const matching = filtered(asked, filterNames, minorsAsMajors(Filters));
  const { items, Marker } = pageOf(options, input, {
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
}

const filterNames: FilterTable<Compared<SupportedVersion>> = {
  "db-parameter-group-family": () => [],
  engine: ({ engine }) => [engine],
  "engine-mode": () => [engineMode],
  "engine-version": ({ majorVersion }) => [majorVersion],
  status: () => [status],
};

function minorsAsMajors(filters: Input["Filters"]): Input["Filters"] {
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

function versionOutput({ engine, majorVersion }: SupportedVersion): Output["DBEngineVersions"][number] {
  return {
    Engine: engine,
    MajorEngineVersion: majorVersion,
    EngineVersion: majorVersion,
    Status: status,
    SupportedEngineModes: [engineMode],
    SupportsIntegrations: true,
  };
}
