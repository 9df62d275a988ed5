import { CodedError, messageOf, withFix } from "../../base/errors.ts";
import type { IntegrationError } from "../../model/integration.ts";

/** As `Errors` of an integration show it. */
export function toldError({ code, message, fix }: CodedError): IntegrationError {
  return { code, message: withFix(message, fix) };
}

/** Why a deleted integration is not gone yet. */
export function removalError(error: unknown): IntegrationError {
  const code = error instanceof CodedError ? error.code : "SOURCE_UNREACHABLE";
  const message = error instanceof CodedError ? toldError(error).message : messageOf(error);
  const given =
    "To abandon what is left at the source, remove the source from the configuration and reload it.";
  return {
    code,
    message: withFix(`Slot and publication cannot be removed from the source yet: ${message}`, given),
  };
}
