import { sourceArn } from "../support/aws-service.ts";
import { clusterMembers, engineVersionMembers, instanceMembers } from "./absent-members.ts";
import type { Scenario } from "./scenario.ts";

/** Actions of RDS that find sources, and what happened to integrations. */
export const databaseScenarios = {
  DescribeDBInstances: {
    notProduced: instanceMembers,
    run: async ({ world, accepts, refuses }) => {
      const { catalog } = world.session.service;
      await catalog.addSourceTags(sourceArn("shop"), [{ key: "team", value: "data" }]);
      await catalog.reportVersion(sourceArn("shop"), "15.4");
      await accepts({
        DBInstanceIdentifier: sourceArn("shop"),
        Filters: [
          { Name: "engine", Values: ["postgres", "mysql"] },
          { Name: "db-instance-id", Values: ["shop"] },
        ],
      });
      const { Marker } = await accepts({ MaxRecords: 20 });
      await accepts({ MaxRecords: 20, Marker });
      await refuses("DBInstanceNotFoundFault", { DBInstanceIdentifier: "nobody" });
    },
  },
  DescribeDBClusters: {
    notProduced: clusterMembers,
    run: async ({ world, accepts, refuses }) => {
      const fleet = sourceArn("fleet", "cluster");
      const { catalog } = world.session.service;
      await catalog.addSourceTags(fleet, [{ key: "team", value: "data" }]);
      await catalog.reportVersion(fleet, "15.4");
      const Filters = [{ Name: "db-cluster-id", Values: ["fleet"] }];
      await accepts({ DBClusterIdentifier: "fleet", Filters, IncludeShared: true });
      const { Marker } = await accepts({ MaxRecords: 20 });
      await accepts({ MaxRecords: 20, Marker });
      await refuses("DBClusterNotFoundFault", { DBClusterIdentifier: "nobody" });
    },
  },
  DescribeDBEngineVersions: {
    notProduced: engineVersionMembers,
    run: async ({ accepts, refuses }) => {
      await accepts({
        Engine: "postgres",
        EngineVersion: "16.4",
        Filters: [{ Name: "status", Values: ["available"] }],
        DefaultOnly: true,
        ListSupportedCharacterSets: true,
        ListSupportedTimezones: false,
        IncludeAll: true,
      });
      const { Marker } = await accepts({ MaxRecords: 20 });
      await accepts({ MaxRecords: 20, Marker });
      await accepts({ DBParameterGroupFamily: "postgres16" });
      await refuses("InvalidParameterValue", { Filters: [{ Name: "colour", Values: ["red"] }] });
    },
  },
  DescribeEvents: {
    run: async ({ world, accepts, refuses }) => {
      const { IntegrationName } = await world.session.active();
      for (let count = 0; count < 21; count += 1) await world.session.create();
      // Events have the time of the catalog, whose clock does not stand.
      const minutes = (count: number): Date =>
        new Date(Math.floor(world.now.getTime() / 60_000) * 60_000 + count * 60_000);
      await accepts({
        SourceIdentifier: IntegrationName,
        SourceType: "zero-etl",
        StartTime: minutes(-30),
        EndTime: minutes(30),
        EventCategories: ["operation", "configuration"],
        Filters: [{ Name: "ignored", Values: ["as documented"] }],
      });
      const page = { StartTime: minutes(-30), Duration: 60, MaxRecords: 20 };
      const { Marker } = await accepts(page);
      await accepts({ ...page, Marker });
      await refuses("InvalidParameterCombination", { SourceIdentifier: IntegrationName });
    },
  },
  DescribeEventCategories: {
    run: async ({ accepts, refuses }) => {
      await accepts({ SourceType: "zero-etl", Filters: [{ Name: "ignored", Values: ["as documented"] }] });
      await refuses("InvalidParameterValue", { SourceType: "a type that nobody has" });
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
