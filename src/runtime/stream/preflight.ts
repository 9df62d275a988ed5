import { CodedError, isErrorCode } from "../../base/errors.ts";
import type { Finding } from "../../model/finding.ts";
import type { SourceEngine } from "../../source/source.ts";
import type { StreamFiles } from "./stream-mark.ts";

export interface Gate {
  readonly files: StreamFiles;
  readonly onFindings: (findings: readonly Finding[]) => void;
}

/**
 * The engine of one stream that has not been opened yet: nothing is created at the source before a preflight has passed
 * and the mark is set. A marked stream is opened directly.
 */
export function gated(engine: SourceEngine, { files, onFindings }: Gate): SourceEngine {
  return {
    kinds: engine.kinds,
    validateUrl: (url) => engine.validateUrl(url),
    streams: (scope) => engine.streams(scope),
    selects: (scope, stream, table) => engine.selects(scope, stream, table),
    check: (request, signal) => engine.check(request, signal),
    remove: (request, signal) => engine.remove(request, signal),
    open: async (request, signal) => {
      if (!(await files.isMarked())) {
        const findings = await engine.check(request, signal);
        onFindings(findings);
        refuseBlocked(findings);
        signal.throwIfAborted();
        await files.mark();
      }
      return engine.open(request, signal);
    },
  };
}

function refuseBlocked(findings: readonly Finding[]): void {
  const blocker = findings.find(({ severity }) => severity === "blocks");
  if (blocker === undefined) return;
  const code = isErrorCode(blocker.code) ? blocker.code : "SOURCE_PROTOCOL";
  throw new CodedError(code, blocker.message);
}
