import { CodedError, messageOf, withFix } from "../base/errors.ts";
import { asCalled } from "./command-name.ts";
import { ReaderGone, StopRequest } from "./signals.ts";

/** Prints what was wrong and what to do, on one line of standard error; returns the exit status. */
export function reportFailure(error: unknown, isDebug: boolean): number {
  // `head` has read enough; and an interrupted command has already shown that by stopping.
  if (error instanceof ReaderGone) return 0;
  if (error instanceof StopRequest) return 1;
  process.stderr.write(`zeroetl: ${asCalled(sentenceOf(error))}\n`);
  if (isDebug && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n${causes(error)}`);
  return error instanceof CodedError && error.code === "USAGE" ? 2 : 1;
}

function sentenceOf(error: unknown): string {
  if (error instanceof CodedError) return withFix(error.message, error.fix);
  if (error instanceof AggregateError) return [error.message, ...error.errors.map(messageOf)].join(": ");
  return `${messageOf(error)} (see more with --debug)`;
}

function causes(error: Error): string {
  if (!(error.cause instanceof Error)) return "";
  return `caused by ${error.cause.stack ?? error.cause.message}\n${causes(error.cause)}`;
}
