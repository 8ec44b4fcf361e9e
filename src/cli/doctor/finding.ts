/** One thing that was looked at. `missing` is needed and not there; `note` works, with less. */
export interface Finding {
  name: string;
  state: 'ok' | 'note' | 'missing';
  /** What was found, for people. */
  found: string;
  /** How to put it right. */
  fix?: string;
}

/** Findings under one heading. */
export interface Section {
  title: string;
  findings: Finding[];
}
