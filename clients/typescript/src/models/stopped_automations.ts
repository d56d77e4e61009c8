// Generated from the contract by `make clients`; do not edit.

/**
 * An automation of any organisation: enough to know whose it is.
 *
 * `stopped_at`, `act_id` and `reason` are of the act that stopped it, where `disabled_reason` is `stopped_by_operator`.
 */
export interface OperatorAutomation {
  /** The automation */
  automation_id: string;
  /** The id of the organisation */
  tenant_id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The name, for people */
  name: string;
  /** Whether it works; false stops it */
  enabled: boolean;
  /** Why it was stopped, such as `failing` or `gone`; null while it works */
  disabled_reason: string | null;
  /** When an operator last stopped it */
  stopped_at: string | null;
  /** The act that last stopped it; null if no operator did */
  act_id: string | null;
  /** The operator's reason, which the organisation reads too */
  reason: string | null;
}

/** A page of automations that operators stopped */
export interface StoppedAutomations {
  /** The automations of this page, newest first */
  stopped_automations: OperatorAutomation[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}
