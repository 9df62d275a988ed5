/** What a preflight found. */
export interface Finding {
  /** `blocks`: replication cannot start. `warns`: it can, and something will hurt. `fine`: looked at and right. */
  readonly severity: "blocks" | "warns" | "fine";
  /** From the catalogue of error codes, such as `WAL_LEVEL`. */
  readonly code: string;
  /** What it is about, such as `server`, or the name of a table. */
  readonly subject: string;
  /** One sentence that says what is so. */
  readonly message: string;
  /** The statement or setting that mends it, ready to paste. */
  readonly fix?: string | undefined;
}
