import type { EventCategory, EventSeverity, IntegrationEvent } from "../../model/event.ts";

export interface EnvelopeContext {
  readonly account: string;
  readonly region: string;
  readonly arnOf: (integrationId: string) => string;
}

/**
 * An event in the form in which EventBridge delivers those of AWS's integrations; rules that match those also match
 * these.
 */
export interface EventEnvelope {
  readonly version: "0";
  /** The same each time the event is delivered. */
  readonly id: string;
  readonly "detail-type": string;
  readonly source: "aws.redshift";
  readonly account: string;
  /** With a precision of one second. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly [integrationArn: string];
  readonly detail: {
    readonly severity: EventSeverity;
    readonly sourceArn: string;
    readonly destinationArn: string;
    readonly eventDescription: string;
    readonly integrationStatus: string;
    readonly statusCode: string;
    /** Not in AWS's envelope: the event's number. */
    readonly eventId: string;
  };
}

const detailTypes: Readonly<Record<EventCategory, string>> = {
  configuration: "Redshift Integration Configuration",
  monitoring: "Redshift Integration Monitoring",
  operation: "Redshift Integration Operation",
};

export function eventEnvelope(
  event: IntegrationEvent,
  { account, region, arnOf }: EnvelopeContext,
): EventEnvelope {
  return {
    version: "0",
    id: event.uuid,
    "detail-type": detailTypes[event.category],
    source: "aws.redshift",
    account,
    time: `${event.at.toISOString().slice(0, 19)}Z`,
    region,
    resources: [arnOf(event.integrationId)],
    detail: {
      severity: event.severity,
      sourceArn: event.sourceArn,
      destinationArn: event.targetArn,
      eventDescription: event.message,
      integrationStatus: event.status.toUpperCase(),
      statusCode: event.statusCode,
      eventId: event.id,
    },
  };
}
