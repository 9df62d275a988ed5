/** What a preflight found. */
export interface Finding {
  /** `blocks`: replication cannot start. `warns`: it can, but problems will follow. `fine`: checked and correct. */
  readonly severity: "blocks" | "warns" | "fine";
  /** From the catalogue of error codes, such as `WAL_LEVEL`. */
  readonly code: string;
  /** The subject, such as `server`, or the name of a table. */
  readonly subject: string;
  /** One sentence that states the finding. */
  readonly message: string;
  /** The statement or setting that fixes it, ready to paste. */
  readonly fix?: string | undefined;
}
