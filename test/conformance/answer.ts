import type { ServiceModel } from "./service-model.ts";
import { errorInXml, outputInXml, type AnsweredError } from "./xml-answer.ts";

/** The output in an answer, as yet to be read by the model. Throws where the protocol is not the model's. */
export function outputIn(model: ServiceModel, action: string, body: string): unknown {
  return model.metadata.protocol === "json" ? JSON.parse(body) : outputInXml(model, action, body);
}

/** The error in an answer. Throws where it is not in the form of the protocol. */
export function errorIn(model: ServiceModel, body: string): AnsweredError {
  if (model.metadata.protocol !== "json") return errorInXml(model, body);
  const { __type: code, message, ...others } = JSON.parse(body) as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0) throw new Error(`not an error of AWS JSON: ${body}`);
  return { code, message };
}
