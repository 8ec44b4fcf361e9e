/** When a master key, known by its id only, has signed and sealed. */
export interface MasterKeyRecord {
  _id: string;
  /** When it first stood in front. */
  since: Date;
  /** When a process last had it in front; written every few minutes. */
  lastInFrontAt: Date;
}
