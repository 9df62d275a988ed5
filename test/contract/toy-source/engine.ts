import { CodedError, messageOf } from "../../../src/base/errors.ts";
import { databasesOf, inScope } from "../../../src/model/data-filter.ts";
import type { EngineKind } from "../../../src/model/engine-kinds.ts";
import type { SourceEngine } from "../../../src/source/source.ts";
import { Log } from "./log.ts";
import { ToySource } from "./source.ts";

const toy: EngineKind = {
  filterDialect: "postgres",
  defaultFilter: undefined,
  defaultPort: 0,
  defaultDatabase: undefined,
  majorVersions: ["1"],
};

/** `toy:///directory`: each source database is a log of JSON lines. It leaves nothing at the source. */
export const toySource: SourceEngine = {
  kinds: { toy },
  validateUrl: (url) => {
    if (!url.startsWith("toy:///")) throw new CodedError("CONFIGURATION", "The url must begin with toy:///.");
  },
  streams: databasesOf,
  selects: inScope,
  check: async (request) => {
    const subject = request.database;
    try {
      await Log.open(request);
    } catch (error) {
      const [code, message] = ["SOURCE_DATABASE_MISSING", messageOf(error)];
      return [{ severity: "blocks", code, subject, message, fix: "Create the log." }];
    }
    return [{ severity: "fine", code: "SOURCE", subject, message: "The log can be read." }];
  },
  open: async (request) => {
    const log = await Log.open(request);
    request.onVersion("1.0");
    return new ToySource(log, request);
  },
  remove: () => Promise.resolve(),
};
