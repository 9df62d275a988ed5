/**
 * Error codes as they appear on the wire, with their HTTP status: those that the operations declare, those that every
 * AWS service may return, and those of the protocol parsers. If the name of a shape in the service model differs from
 * its code on the wire (`DBInstanceNotFoundFault`), this is the code.
 */
export const awsErrorStatus = {
  IntegrationAlreadyExistsFault: 400,
  IntegrationConflictOperationFault: 400,
  IntegrationQuotaExceededFault: 400,
  InvalidIntegrationStateFault: 400,
  IntegrationNotFoundFault: 404,
  DBInstanceNotFound: 404,
  DBClusterNotFoundFault: 404,
  KMSKeyNotAccessibleFault: 400,
  InvalidNamespaceFault: 400,
  ClusterNotFound: 404,
  ResourceNotFoundFault: 404,
  InvalidPolicyFault: 400,
  ConflictPolicyUpdateFault: 409,
  UnsupportedOperation: 400,
  InvalidParameterValue: 400,
  InvalidParameterCombination: 400,
  MissingParameter: 400,
  ValidationError: 400,
  MissingAction: 400,
  InvalidAction: 400,
  MalformedQueryString: 404,
  RequestEntityTooLarge: 413,
  IncompleteSignature: 400,
  MissingAuthenticationToken: 403,
  InvalidClientTokenId: 403,
  AccessDenied: 403,
  SignatureDoesNotMatch: 403,
  InternalFailure: 500,
  ServiceUnavailable: 503,
  ResourceNotFoundException: 400,
  ValidationException: 400,
  SerializationException: 400,
} as const satisfies Record<string, number>;

export type AwsErrorCode = keyof typeof awsErrorStatus;

/** An error response: its code and message go to the client in the envelope. Never contains a secret. */
export class AwsError extends Error {
  override name = "AwsError";
  readonly code: AwsErrorCode;

  constructor(code: AwsErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get status(): (typeof awsErrorStatus)[AwsErrorCode] {
    return awsErrorStatus[this.code];
  }
}
