/** The result of one check. `missing`: it is needed and not there. `note`: Kiln works without it, with less. */
export interface Finding {
  name: string;
  state: 'ok' | 'note' | 'missing';
  /** What was found, for people. */
  found: string;
  /** How to mend it, for people. */
  fix?: string;
}

/** Findings under one heading. */
export interface Section {
  title: string;
  findings: Finding[];
}
